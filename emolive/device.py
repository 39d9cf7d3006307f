"""Choice of the compute device."""

from __future__ import annotations

from emolive.errors import DeviceError


def choose_device(name: str) -> str:
    """The device to compute on, in torch's notation.

    Args:
        name: cpu, cuda, mps, or "auto" for the fastest that this computer has.

    Raises:
        DeviceError: this computer has no such device.
    """
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if available[device])
    if not available.get(name.partition(":")[0], False):
        choices = ", ".join(device for device, there in available.items() if there)
        raise DeviceError(f"There is no device {name} on this computer: choose {choices}.")
    return name
