"""The cameras and microphones of this computer, and which one a name means."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from emolive.capture import portaudio
from emolive.errors import EmoliveError

_PATIENCE_S = 5.0
"""A driver that hangs must not hang us: its devices are not listed then."""


@dataclass(frozen=True, slots=True)
class Device:
    """A camera or a microphone."""

    index: int
    """What OpenCV or PortAudio opens it by; may change when devices come and go."""
    name: str
    default: bool
    """It is the one the system prefers (for cameras: the first)."""
    detail: str = ""
    """More for people: the driver, channels, rate, path."""


def cameras() -> list[Device]:
    """All cameras, by index; an empty list where there is none or it cannot be told."""
    return with_timeout(_cameras)


def microphones(*, refresh: bool = False) -> list[Device]:
    """All microphones, by index; an empty list where there is none or PortAudio is missing.

    PortAudio keeps the list from when it started: `refresh` looks again, which has no effect while
    a microphone is open.
    """
    return with_timeout(lambda: _microphones(refresh))


def find_camera(spec: str) -> Device:
    """The camera of that index or name (any case, a unique part of it is enough).

    Raises EmoliveError for one that is not there, or a name that fits several. Where the system does
    not list its cameras for sure (macOS asks for permission first) an index is taken as it is.
    """
    there = cameras()
    if spec.isdecimal():
        index = int(spec)
        known = [device for device in there if device.index == index]
        if known:
            return known[0]
        if platform.system() != "Linux" or Path(f"/dev/video{index}").exists():
            return Device(index, f"Camera {index}", index == 0)
    return _find(spec, there, "camera")


def find_microphone(spec: str) -> Device:
    """The microphone of that index or name (any case, a unique part of it is enough).

    Raises EmoliveError for a name or an index that fits none, or a name that fits several, or
    where the PortAudio library is missing.
    """
    portaudio.sounddevice()
    devices = microphones()
    if spec.isdecimal():
        known = [device for device in devices if device.index == int(spec)]
        if known:
            return known[0]
    return _find(spec, devices, "microphone")


def _find(spec: str, devices: Sequence[Device], kind: str) -> Device:
    wanted = spec.casefold()
    exact = [device for device in devices if device.name.casefold() == wanted]
    found = exact or [device for device in devices if wanted in device.name.casefold()]
    if len(found) == 1:
        return found[0]
    if not devices:
        raise EmoliveError(f"There is no {kind} {spec!r}: no {kind} is connected to this computer.")
    choice = ", ".join(f"{device.index} {device.name}" for device in (found or devices))
    if found:
        raise EmoliveError(f"Several {kind}s are called {spec!r}: choose one by its index ({choice}).")
    raise EmoliveError(f"There is no {kind} {spec!r}: choose one of {choice}.")


def camera_backend() -> int:
    """OpenCV's backend whose indices `cameras` lists on this system."""
    from emolive._compat.opencv import cv2

    backends = {"Linux": cv2.CAP_V4L2, "Windows": cv2.CAP_DSHOW, "Darwin": cv2.CAP_AVFOUNDATION}
    return backends.get(platform.system(), cv2.CAP_ANY)


def _cameras() -> list[Device]:
    try:
        backend = camera_backend()
        # It imports OpenCV itself, which our own module has to have done before.
        from cv2_enumerate_cameras import enumerate_cameras

        found = enumerate_cameras(backend)
    except (EmoliveError, NotImplementedError, OSError):
        return []
    first = min((camera.index for camera in found), default=0)
    return sorted(
        (
            Device(camera.index, camera.name, camera.index == first, str(camera.path or ""))
            for camera in found
        ),
        key=lambda device: device.index,
    )


def _microphones(refresh: bool) -> list[Device]:
    try:
        if refresh:
            portaudio.refresh()
        found, apis = portaudio.devices()
    except EmoliveError:
        return []
    default = next((api["default_input_device"] for api in apis if api["default_input_device"] >= 0), -1)
    # Windows lists each microphone once for each of its sound systems: one of them is enough.
    api = found[default]["hostapi"] if default >= 0 else None
    return [
        Device(
            device["index"],
            device["name"],
            device["index"] == default,
            f"{apis[device['hostapi']]['name']}, {device['default_samplerate']:.0f} Hz",
        )
        for device in found
        if device["max_input_channels"] > 0 and api in (None, device["hostapi"])
    ]


def with_timeout(task: Callable[[], list[Device]]) -> list[Device]:
    """Run `task` in a thread of its own; an empty list if it takes too long."""
    result: list[Device] = []
    thread = threading.Thread(target=lambda: result.extend(task()), name="emolive-devices", daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    return list(result)
