"""How devices are named in lists, and what names one for good. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

DeviceKind = Literal["camera", "microphone"]


class Device(Protocol):
    """A camera or microphone as the window lists it."""

    @property
    def index(self) -> int: ...

    @property
    def name(self) -> str: ...

    @property
    def default(self) -> bool: ...

    @property
    def id(self) -> str:
        """What stays the same when other devices come and go; "" if there is none but the name."""


def device_titles(devices: Sequence[Device], kind: DeviceKind) -> dict[str, str]:
    """Value → title of devices.

    The value is the name where only one device has it, else its identity, else its index; it names the same
    device at the next start. Devices of one name are numbered in the titles.
    """
    names = [device.name for device in devices]
    titles: dict[str, str] = {}
    for place, device in enumerate(devices):
        value = title = device.name
        if names.count(device.name) > 1:
            value = f"{kind}:{device.id}" if device.id else str(device.index)
            title = f"{device.name} ({names[: place + 1].count(device.name)})"
        titles[value] = title
    return titles


def used_value(text: str, devices: Sequence[Device], kind: DeviceKind) -> str:
    """The value, as in `device_titles`, of the device that a source or microphone string names.

    Args:
        text: a value, an index, an identity, or (a part of) a name; auto or default for the system's choice.
        devices: those that are connected.
        kind: of devices.

    Returns:
        "" if none of them is meant.
    """
    values = dict(zip(device_titles(devices, kind), devices, strict=True))
    text = text.removeprefix(f"{kind}:") if text not in values else text
    folded = text.casefold()
    for value, device in values.items():
        if text in (value, device.id, str(device.index)) and text:
            return value
        if text in ("auto", "default", "") and device.default:
            return value
    matching = [value for value, device in values.items() if folded in device.name.casefold()]
    return matching[0] if len(matching) == 1 and folded else ""
