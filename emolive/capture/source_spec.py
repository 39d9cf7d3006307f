"""The grammar of source strings: text from an option, a dialog or a device list becomes a `SourceSpec`.

| text | kind |
|---|---|
| `auto`, `demo`, `none` (any case) | auto, demo, none |
| `0`, `/dev/video2`, `/dev/v4l/by-id/...`, a camera's name | camera |
| `http://`, `https://`, `rtsp://`, `rtsps://`, `rtmp://`, `udp://`, `tcp://`, `rtp://` | stream |
| `file:///a/clip.mp4`, a path, the name of a file or recording, a name with a file extension | file |
| `NAME:rest`, where NAME is a registered source | that source; plugin if it is not built in |

The last row also resolves what is ambiguous: `camera:Front.HD` is a camera, `file:clip` a file. A microphone
option has a grammar of its own: see `parse_microphone`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Literal
from urllib.parse import urlsplit
from urllib.request import url2pathname

from emolive.capture.recording_folder import is_recording
from emolive.errors import ConfigError
from emolive.plugins import SOURCES
from emolive.printable import printable

SourceKind = Literal["auto", "demo", "none", "camera", "stream", "file", "microphone", "plugin"]

STREAM_SCHEMES = ("http", "https", "rtsp", "rtsps", "rtmp", "udp", "tcp", "rtp")
_BUILTIN: tuple[SourceKind, ...] = ("demo", "camera", "stream", "file", "microphone")

_TITLES = {
    "auto": "Automatic",
    "demo": "Drawn demo",
    "none": "No video",
    "microphone": "Default microphone",
}
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9_-]+):")
"""At least two characters, so that the drive of a Windows path is none."""
_VIDEO_DEVICE = re.compile(r"/dev/video(\d+)")
_LISTEN = re.compile(r"(?:^|&)(?:listen=(?!0)|mode=listener)")
_EXTENSION = re.compile(r"\.(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{2,4}$")
"""Has a letter in it: "USB Camera v1.05" ends in a version, not in an extension."""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A parsed source string. Strings with the same meaning compare equal."""

    kind: SourceKind
    value: str = ""
    """What identifies it within its kind: a camera's or microphone's index or name, a device path, a stream's
    address, a file's path, the text behind a plug-in's colon. May hold a password: show `redacted` or
    `title`."""
    plugin: str = ""
    """The registered name, for kind "plugin"."""

    @property
    def registry_name(self) -> str:
        """Under which name `emolive.plugins.SOURCES` has the class that opens it."""
        return self.plugin or self.kind

    @property
    def is_live(self) -> bool:
        """Whether a device or stream delivers it in real time. False for "auto", which is resolved first."""
        return self.kind in ("camera", "stream", "microphone")

    @property
    def redacted(self) -> str:
        """The source as text without user name, password and query; this is what rows and messages show."""
        if self.kind in ("auto", "demo", "none"):
            return self.kind
        if self.kind == "microphone":
            return f"microphone:{self.value}"
        if self.kind == "plugin":
            return redact_url(f"{self.plugin}:{redact_url(self.value)}")
        return redact_url(self.value)

    @property
    def title(self) -> str:
        """A short name for people, without user name and password."""
        return printable(self._title)

    @property
    def _title(self) -> str:
        match self.kind:
            case "stream":
                return urlsplit(self.redacted).netloc or self.redacted
            case "file":
                return _file_name(self.value)
            case "camera":
                return _device_title("Camera", self.value)
            case "microphone" if self.value != "default":
                return _device_title("Microphone", self.value)
            case "plugin":
                rest = self.redacted.partition(":")[2].removeprefix("//")
                return f"{SOURCES.titles().get(self.plugin, self.plugin)} {rest}".strip()
        return _TITLES[self.kind]


def parse_source(text: str) -> SourceSpec:
    """Parse a source string. Accesses no device; checks only whether a bare name is an existing file.

    Args:
        text: as in the table above; leading and trailing spaces do not count.

    Raises:
        ConfigError: nothing is named, or the address is of a kind that cannot be opened.
    """
    text = text.strip()
    if not text:
        raise ConfigError("No source is named: choose demo, a camera, a stream's address or a media file.")
    match text.lower():
        case "auto" | "demo" | "none" as kind:
            return SourceSpec(kind)
    if url := _URL.match(text):
        return _parse_url(url.group(1), text)
    if text.isdecimal() or text.startswith("/dev/"):
        return _camera(text)
    if (prefix := _PREFIX.match(text)) and prefix.group(1) in SOURCES:
        return _registered(prefix.group(1), text[prefix.end() :])
    if text in SOURCES and text not in _BUILTIN:
        return SourceSpec("plugin", plugin=text)
    return SourceSpec("file", text) if _is_path(text) else _camera(text)


def parse_microphone(text: str) -> SourceSpec:
    """Parse a microphone string.

    Args:
        text: "auto" (the source's own audio, or the default microphone with a camera), "none", "default",
            an index, a name, or `NAME:rest` of a registered source.

    Returns:
        A SourceSpec of kind auto, none, microphone or plugin. Empty text is the default microphone.

    Raises:
        ConfigError: a registered source that cannot stand beside another one.
    """
    text = text.strip()
    match text.lower():
        case "auto" | "none" as kind:
            return SourceSpec(kind)
    if (prefix := _PREFIX.match(text)) and prefix.group(1) in SOURCES:
        spec = _registered(prefix.group(1), text[prefix.end() :])
        if spec.kind not in ("microphone", "plugin"):
            raise ConfigError(
                f"{printable(redact_url(text))} is no microphone: choose a name, default or none."
            )
        return spec
    return _microphone(text)


def _parse_url(scheme: str, text: str) -> SourceSpec:
    if scheme.lower() == "file":
        return SourceSpec("file", url2pathname(urlsplit(text).path))
    if scheme.lower() in STREAM_SCHEMES:
        try:
            parts = urlsplit(text)
        except ValueError:
            raise ConfigError(f"{redact_url(text)} is no valid address: check it.") from None
        if _LISTEN.search(parts.query):
            raise ConfigError(
                f"{redact_url(text)} asks emolive to wait for a connection, which it does not: name the "
                f"address of the camera."
            )
        return SourceSpec("stream", text)
    if scheme in SOURCES:
        return _registered(scheme, text[len(scheme) + 1 :])
    schemes = ", ".join(f"{name}://" for name in STREAM_SCHEMES)
    raise ConfigError(f"{redact_url(text)} is no stream that can be opened: use one of {schemes}.")


def listening_notice(url: str) -> str:
    """What to say of an address at which anybody's pictures are accepted; "" for any other."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("udp", "rtp") or parts.hostname not in (None, "", "0.0.0.0", "::"):
        return ""
    return (
        f"{redact_url(url)} accepts pictures from every computer that reaches this one: name this computer's "
        f"address in your own network, or 127.0.0.1, if that is not wanted."
    )


def _registered(name: str, rest: str) -> SourceSpec:
    rest = rest.strip()
    match name:
        case "demo":
            return SourceSpec("demo")
        case "camera":
            return _camera(rest)
        case "microphone":
            return _microphone(rest)
        case "file" | "stream":
            return SourceSpec(name, rest)
    return SourceSpec("plugin", rest, name)


def _camera(text: str) -> SourceSpec:
    device = _VIDEO_DEVICE.fullmatch(text)
    return SourceSpec("camera", device.group(1) if device else text)


def _microphone(text: str) -> SourceSpec:
    return SourceSpec("microphone", "default" if text.lower() in ("", "default") else text)


def _is_path(text: str) -> bool:
    if "/" in text or "\\" in text or text.startswith("~") or _EXTENSION.search(text):
        return True
    try:
        return Path(text).is_file() or is_recording(Path(text))
    except (OSError, ValueError):
        return False


def _device_title(kind: str, device: str) -> str:
    """A device's name or the last part of its path; an index with the kind before it."""
    if device.startswith("/dev/"):
        return _file_name(device)
    return f"{kind} {device}" if device.isdecimal() else device


def _file_name(path: str) -> str:
    """The last part of a path of this or the other system."""
    return PureWindowsPath(path).name or path


def redact_url(text: str) -> str:
    """`text` without the user name, password, query and fragment of an address; other text as it is."""
    url = _URL.match(text)
    if url is None:
        return text
    rest = text[url.end() :]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        rest = authority.rpartition("@")[2] + rest[len(authority) :]
    elif "@" in rest and ":" in authority and not authority.rpartition(":")[2].isdecimal():
        # A password with a reserved character in it: whatever is before the last @ may belong to it.
        rest = rest.rpartition("@")[2]
    return url.group() + re.split(r"[?#]", rest, maxsplit=1)[0]
