"""Lists the cameras and microphones of this computer and finds one by index or name."""

from __future__ import annotations

import os
import platform
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from emolive.capture import portaudio
from emolive.errors import DeviceError, EmoliveError

TIMEOUT_S = 5.0
"""After this long a driver that does not answer is given up; its devices are not listed."""


@dataclass(frozen=True, slots=True)
class Device:
    """A camera or a microphone."""

    index: int
    """By which OpenCV or PortAudio opens it; may change when devices are connected or removed."""
    name: str
    default: bool
    """The system prefers it (for cameras: the first one)."""
    detail: str = ""
    """More for people: the driver, channels, rate, path."""


def cameras() -> list[Device]:
    """All cameras by index; empty if there are none, if they cannot be listed, or after TIMEOUT_S."""
    return with_timeout(_cameras)


def microphones(*, refresh: bool = False) -> list[Device]:
    """All microphones by index; empty if there are none, if PortAudio is missing, or after TIMEOUT_S.

    Args:
        refresh: update PortAudio's list, which is from when it was initialised. No effect while a microphone
            is open.
    """
    return with_timeout(lambda: _microphones(refresh))


def find_camera(text: str) -> Device:
    """The camera with that index, device path or name.

    Args:
        text: an index, a path like /dev/video0 or a link to one, or a name; any case and a part that only one
            camera has are enough. Where the system does not list its cameras reliably (macOS asks for
            permission first) an index is used unchecked.

    Raises:
        DeviceError: there is no such camera, or several have that name.
    """
    devices = cameras()
    if text.startswith("/dev/") and (number := re.fullmatch(r"/dev/video(\d+)", os.path.realpath(text))):
        text = number.group(1)
    if text.isdecimal():
        index = int(text)
        matching = [device for device in devices if device.index == index]
        if matching:
            return matching[0]
        if platform.system() != "Linux" or Path(f"/dev/video{index}").exists():
            return Device(index, f"Camera {index}", index == 0)
    return _find(text, devices, "camera")


def find_microphone(text: str) -> Device:
    """The microphone with that index or name; any case and a part that only one has are enough.

    Raises:
        DeviceError: there is no such microphone, or several have that name.
        MissingDependencyError: the PortAudio library is not installed.
    """
    portaudio.sounddevice()
    devices = microphones()
    if text.isdecimal():
        matching = [device for device in devices if device.index == int(text)]
        if matching:
            return matching[0]
    return _find(text, devices, "microphone")


def _find(text: str, devices: Sequence[Device], kind: str) -> Device:
    folded = text.casefold()
    exact = [device for device in devices if device.name.casefold() == folded]
    matching = exact or [device for device in devices if folded in device.name.casefold()]
    if len(matching) == 1:
        return matching[0]
    if not devices:
        raise DeviceError(f"There is no {kind} {text!r}: no {kind} is connected to this computer.")
    choice = ", ".join(f"{device.index} {device.name}" for device in (matching or devices))
    if matching:
        raise DeviceError(f"Several {kind}s are called {text!r}: choose one by its index ({choice}).")
    raise DeviceError(f"There is no {kind} {text!r}: choose one of {choice}.")


def camera_backend() -> int:
    """OpenCV's backend whose indices `cameras` lists on this system."""
    from emolive._compat.opencv import cv2

    backends = {"Linux": cv2.CAP_V4L2, "Windows": cv2.CAP_DSHOW, "Darwin": cv2.CAP_AVFOUNDATION}
    return backends.get(platform.system(), cv2.CAP_ANY)


def _cameras() -> list[Device]:
    try:
        backend = camera_backend()
        # It imports OpenCV itself, which has to happen through emolive._compat.opencv first.
        from cv2_enumerate_cameras import enumerate_cameras

        listed = enumerate_cameras(backend)
    except (EmoliveError, NotImplementedError, OSError):
        return []
    first = min((camera.index for camera in listed), default=0)
    return sorted(
        (
            Device(camera.index, camera.name, camera.index == first, str(camera.path or ""))
            for camera in listed
        ),
        key=lambda device: device.index,
    )


def _microphones(refresh: bool) -> list[Device]:
    try:
        if refresh:
            portaudio.refresh()
        listed, apis = portaudio.devices()
    except EmoliveError:
        return []
    default = next((api["default_input_device"] for api in apis if api["default_input_device"] >= 0), -1)
    # Windows lists each microphone once for each of its host APIs: that of the default one is enough.
    api = listed[default]["hostapi"] if default >= 0 else None
    return [
        Device(
            device["index"],
            device["name"],
            device["index"] == default,
            f"{apis[device['hostapi']]['name']}, {device['default_samplerate']:.0f} Hz",
        )
        for device in listed
        if device["max_input_channels"] > 0 and api in (None, device["hostapi"])
    ]


def with_timeout(function: Callable[[], list[Device]]) -> list[Device]:
    """The result of `function`, run in a daemon thread; an empty list after TIMEOUT_S."""
    result: list[Device] = []
    thread = threading.Thread(target=lambda: result.extend(function()), name="emolive-devices", daemon=True)
    thread.start()
    thread.join(TIMEOUT_S)
    return list(result)
