"""Lists the cameras and microphones of this computer, finds one by index or name, and finds it again.

An index is only a place in a list, which changes when devices are connected or removed. Once a device was
found, it is known by its `id`: a wrong one is never opened in its place.
"""

from __future__ import annotations

import os
import platform
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from emolive.capture import portaudio
from emolive.capture.portaudio_list import list_in_child
from emolive.capture.source_spec import redact_url
from emolive.errors import DeviceError, EmoliveError
from emolive.printable import printable

_INDEX_DIGITS = 4
_ALSA_NUMBERS = re.compile(r"\s*\(hw:\d+,\d+\)")
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
    id: str = ""
    """What stays the same when other devices come and go: a link in /dev/v4l/by-id or by-path, the path of a
    camera's driver, or sound system and name of a microphone. "" if there is none but the name."""

    @property
    def lasting_text(self) -> str:
        """How to name the device so that it is found when its index has changed."""
        return self.id or self.name


def cameras() -> list[Device]:
    """All cameras by index; empty if there are none, if they cannot be listed, or after TIMEOUT_S."""
    return with_timeout(_cameras)


def microphones(*, refresh: bool = False) -> list[Device]:
    """All microphones by index; empty if there are none, if PortAudio is missing, or after TIMEOUT_S.

    Args:
        refresh: list what is connected now. PortAudio's own list is from when it was initialised; while a
            microphone is open, another process lists.
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
    if known := _by_id(text, devices):
        return known
    if text.startswith("/dev/"):
        number = re.fullmatch(r"/dev/video(\d+)", os.path.realpath(text))
        if number is None:
            raise _not_found(text, devices, "camera")
        text = number.group(1)
    if text.isdecimal() and len(text) <= _INDEX_DIGITS:
        index = int(text)
        matching = [device for device in devices if device.index == index]
        if matching:
            return matching[0]
        if platform.system() != "Linux" or Path(f"/dev/video{index}").exists():
            return Device(index, f"Camera {index}", index == 0)
    return _find(text, devices, "camera")


def find_camera_again(camera: Device) -> Device:
    """A camera that was found before, under its present index. DeviceError if it is not connected."""
    return find_again(camera, cameras(), "camera")


def find_microphone_again(microphone: Device) -> Device:
    """A microphone that was found before, under its present index. DeviceError if it is not connected."""
    devices = microphones()
    if all(device.id != microphone.id for device in devices) and portaudio.refresh():
        # Connected after PortAudio was initialised.
        devices = microphones()
    return find_again(microphone, devices, "microphone")


def find_again(device: Device, devices: Sequence[Device], kind: str) -> Device:
    """A device that was found before, wherever it is listed now.

    Args:
        device: as it was found.
        devices: those that are connected now.
        kind: "camera" or "microphone", for the message.

    Raises:
        DeviceError: it is not connected; another one is never returned in its place.
    """
    if device.id:
        matching = [other for other in devices if other.id == device.id]
    else:
        matching = [other for other in devices if other.name == device.name]
        if not matching and device.name == f"Camera {device.index}":
            # The system does not list it, so that the index is all there is.
            return device
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise DeviceError(
            f"Several {kind}s are called {_shown(device.name)!r} now, and they cannot be told apart: "
            f"choose one."
        )
    others = _choice(devices)
    hint = f": connect it again, or choose {others}" if others else ": connect it again"
    raise DeviceError(f"The {kind} {_shown(device.name)} is not connected{hint}.")


def find_microphone(text: str) -> Device:
    """The microphone with that index or name; any case and a part that only one has are enough.

    Raises:
        DeviceError: there is no such microphone, or several have that name.
        MissingDependencyError: the PortAudio library is not installed.
    """
    portaudio.sounddevice()
    devices = microphones()
    if not _is_listed(text, devices):
        # It may have been connected since.
        devices = microphones(refresh=True)
    if known := _by_id(text, devices):
        return known
    if text.isdecimal() and len(text) <= _INDEX_DIGITS:
        matching = [device for device in devices if device.index == int(text)]
        if matching:
            return matching[0]
    return _find(text, devices, "microphone")


def _is_listed(text: str, devices: Sequence[Device]) -> bool:
    folded = text.casefold()
    return any(
        text in (str(device.index), device.id) or folded in device.name.casefold() for device in devices
    )


def _by_id(text: str, devices: Sequence[Device]) -> Device | None:
    matching = [device for device in devices if device.id and device.id == text]
    return matching[0] if len(matching) == 1 else None


def _find(text: str, devices: Sequence[Device], kind: str) -> Device:
    folded = text.casefold()
    matching = [device for device in devices if device.name.casefold() == folded]
    if not matching and not text.isdecimal():
        # An index is no part of a name: 0 must not open a camera whose name has a 0 in it.
        matching = [device for device in devices if folded in device.name.casefold()]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise DeviceError(
            f"Several {kind}s are called {_shown(text)!r}: choose one by its index ({_choice(matching)})."
        )
    raise _not_found(text, devices, kind)


def _not_found(text: str, devices: Sequence[Device], kind: str) -> DeviceError:
    name = _shown(text)
    if not devices:
        return DeviceError(f"There is no {kind} {name!r}: no {kind} is connected to this computer.")
    return DeviceError(f"There is no {kind} {name!r}: choose one of {_choice(devices)}.")


def _choice(devices: Sequence[Device]) -> str:
    return ", ".join(f"{device.index} {_shown(device.name)}" for device in devices)


def _shown(text: str) -> str:
    """What a user or a driver named, for people; an address without its password."""
    return printable(redact_url(text))


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
    on_linux = platform.system() == "Linux"
    links = _stable_links() if on_linux else {}
    return sorted(
        (
            Device(
                camera.index,
                printable(camera.name),
                camera.index == first,
                str(camera.path or ""),
                links.get(os.path.realpath(str(camera.path)), "" if on_linux else str(camera.path or "")),
            )
            for camera in listed
        ),
        key=lambda device: device.index,
    )


def _stable_links(folder: Path = Path("/dev/v4l")) -> dict[str, str]:
    """The device node of each link that names a camera by its serial number, or else by its plug."""
    links: dict[str, str] = {}
    for kind in ("by-path", "by-id"):
        try:
            found = sorted((folder / kind).iterdir())
        except OSError:
            continue
        links |= {os.path.realpath(link): str(link) for link in found}
    return links


def _microphones(refresh: bool) -> list[Device]:
    try:
        is_fresh = not refresh or portaudio.refresh()
        listed, apis = portaudio.devices() if is_fresh else list_in_child()
        if not listed and not is_fresh:
            listed, apis = portaudio.devices()
    except EmoliveError:
        return []
    default = next((api["default_input_device"] for api in apis if api["default_input_device"] >= 0), -1)
    # Windows lists each microphone once for each of its host APIs: that of the default one is enough.
    api = listed[default]["hostapi"] if default >= 0 else None
    return [
        Device(
            device["index"],
            printable(device["name"]),
            device["index"] == default,
            f"{apis[device['hostapi']]['name']}, {device['default_samplerate']:.0f} Hz",
            # The numbers of ALSA's cards change as those of devices do.
            f"{apis[device['hostapi']]['name']}: {_ALSA_NUMBERS.sub('', device['name'])}",
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
