"""From what a person typed or chose to the source that is meant."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from emolive.capture.base import Source
from emolive.errors import EmoliveError

_ADDRESS = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+)://")
_DEVICE = re.compile(r"^/dev/video(\d+)$")
_EXTENSION = re.compile(r"\.(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{2,4}$")
_STREAMS = ("http", "https", "rtsp", "rtsps", "rtmp", "udp", "tcp", "rtp")


def create_source(spec: str, *, paced: bool = True, loop: bool = False) -> Source | None:
    """Make the source that `spec` names, not started.

    "auto" (the default camera, or the demo where there is none); "demo"; "none" (gives None); a
    camera's index or name; a stream's address (http://, rtsp:// ...);
    a media file's path. `paced` is for files and the demo, `loop` for files. EmoliveError where it
    is known at once that it cannot work: no such camera, no such file, not a media file.
    """
    spec = spec.strip()
    if not spec:
        raise EmoliveError("No source is named: choose demo, a camera, a stream's address or a media file.")
    if spec.lower() == "none":
        return None
    if spec.lower() == "auto":
        spec = default_source()
    if spec.lower() == "demo":
        from emolive.capture.synthetic import SyntheticSource

        return SyntheticSource(paced=paced)
    if address := _ADDRESS.match(spec):
        scheme = address.group(1).lower()
        if scheme == "file":
            spec = url2pathname(urlsplit(spec).path)
        elif scheme not in _STREAMS:
            known = ", ".join(f"{name}://" for name in _STREAMS)
            raise EmoliveError(f"{spec} is no stream that can be opened: use one of {known}.")
    if device := _DEVICE.match(spec):
        spec = device.group(1)
    if _ADDRESS.match(spec) or not _is_path(spec):
        return _camera(spec)
    return _file(spec, paced=paced, loop=loop)


def create_microphone(spec: str) -> Source | None:
    """Make the microphone that `spec` names: an index, a name, "default", or "none" (gives None).

    EmoliveError if there is no such microphone, or no PortAudio on this computer.
    """
    spec = spec.strip()
    if spec.lower() == "none":
        return None
    from emolive.capture.microphone import MicrophoneSource

    return MicrophoneSource(spec or "default")


def default_source() -> str:
    from emolive.capture.devices import cameras

    there = cameras()
    return next((str(c.index) for c in there if c.default), str(there[0].index)) if there else "demo"


def _is_path(spec: str) -> bool:
    """An existing file, or something with a folder or a file's extension in it."""
    if spec.isdecimal():
        return False
    if "/" in spec or "\\" in spec or spec.startswith("~"):
        return True
    return Path(spec).exists() or _EXTENSION.search(spec) is not None


def _file(spec: str, *, paced: bool, loop: bool) -> Source:
    from emolive.capture.media_file import MediaFileSource

    return MediaFileSource(Path(spec).expanduser(), paced=paced, loop=loop)


def _camera(spec: str) -> Source:
    from emolive.capture.camera import CameraSource

    return CameraSource(spec)
