"""Opens a media file, or one at a network address, with FFmpeg."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emolive.capture.network_camera import explain_failure
from emolive.capture.recording_folder import media_path
from emolive.capture.source_spec import SourceSpec, parse_source, redact_url
from emolive.errors import ConfigError, MediaError

if TYPE_CHECKING:
    from av.container import InputContainer

_STILLS = {"image2"}
_LISTS = {"hls", "dash", "concat"}
_TEXT = {"tty"}
"""Formats that FFmpeg also opens: still images, lists of other files, text."""
OPEN_TIMEOUT_S, READ_TIMEOUT_S = 3.0, 5.0
"""For network addresses."""
_PROTOCOLS = "http,https,tcp,tls,crypto,data,httpproxy"
"""What a network address may lead to; not to files of this computer."""


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """A media file or playlist at a network address; shown without user name and password."""

    url: str
    """May hold a password."""

    @property
    def name(self) -> str:
        return redact_url(self.url)

    def __str__(self) -> str:
        return self.name


Media = Path | NetworkFile


def media_of(spec: SourceSpec | Media | str) -> Media:
    """What a spec, a path or the text of an address names: a file here or on the network.

    Raises:
        ConfigError: the address is of a kind that cannot be opened.
    """
    if isinstance(spec, Path | NetworkFile):
        return spec
    if isinstance(spec, str):
        if "://" not in spec:
            return Path(spec)
        spec = parse_source(spec)
    if spec.kind == "stream":
        return NetworkFile(spec.value)
    if spec.kind == "file":
        return Path(spec.value)
    raise ConfigError(f"{spec.title} is no media file: choose a video or sound file.")


@contextmanager
def open_media(media: Media) -> Iterator[InputContainer]:
    """Open what FFmpeg can play, or the media of a recording's folder.

    Raises:
        MediaError: it is not a media file, or cannot be read.
    """
    container = _open_file(media) if isinstance(media, Path) else open_address(media)
    with container:
        names = set(container.format.name.split(","))
        if names & _STILLS or container.format.name.endswith("_pipe"):
            raise MediaError(f"{media} is a still picture, not a video or sound file: choose another file.")
        if isinstance(media, Path) and names & _LISTS:
            raise MediaError(
                f"{media} is a list of other files, not a video or sound file: choose one of them."
            )
        if names & _TEXT:
            raise MediaError(f"{media} is not a video or sound file: choose another file.")
        yield container


def open_address(media: NetworkFile) -> InputContainer:
    """Open a network address.

    Raises:
        MediaError: one sentence about why it cannot be opened, without its password.
    """
    import av

    options = {"protocol_whitelist": _PROTOCOLS, "max_redirects": "0"}
    try:
        return av.open(
            media.url, metadata_errors="ignore", options=options, timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S)
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(explain_failure(media.url, media.name, error, OPEN_TIMEOUT_S)) from None


def _open_file(path: Path) -> InputContainer:
    import av

    path = media_path(path)
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise MediaError(f"There is no file {path}: check the path.") from None
    except (OSError, ValueError) as error:
        raise MediaError(f"{path} cannot be read: {error}.") from error
    if stat.S_ISDIR(status.st_mode):
        raise MediaError(f"{path} is a folder: choose a video or sound file in it.")
    if stat.S_ISFIFO(status.st_mode):
        raise MediaError(f"{path} is a pipe and can be read only once: save it to a file, or use - for it.")
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(f"{path} is not a file: choose a video or sound file.")
    if status.st_size == 0:
        raise MediaError(f"{path} is empty: choose another file.")
    try:
        return av.open(f"file:{path}", metadata_errors="ignore")
    except PermissionError as error:
        raise MediaError(f"{path} cannot be read: you have no permission to open it.") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"{path} cannot be read as a video or sound file: it is damaged or of another kind."
        ) from error
