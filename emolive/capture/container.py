"""Opens a media file with FFmpeg and chooses the streams that are played."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emolive.capture.recording_folder import media_path
from emolive.errors import MediaError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

_NOT_MEDIA = {"image2", "tty", "hls", "dash", "concat"}
"""Formats that FFmpeg also opens: still images, text, and lists of other files."""


@contextmanager
def open_media(path: Path) -> Iterator[InputContainer]:
    """Open a file that FFmpeg can play, or that of a recording's folder.

    Raises:
        MediaError: it is not a media file, or cannot be read.
    """
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
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(f"{path} is not a file: choose a video or sound file.")
    if status.st_size == 0:
        raise MediaError(f"{path} is empty: choose another file.")
    try:
        container = av.open(f"file:{path}", metadata_errors="ignore")
    except PermissionError as error:
        raise MediaError(f"{path} cannot be read: you have no permission to open it.") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"{path} cannot be read as a video or sound file: it is damaged or of another kind."
        ) from error
    with container:
        names = set(container.format.name.split(","))
        if names & _NOT_MEDIA or container.format.name.endswith("_pipe"):
            raise MediaError(f"{path} is not a video or sound file: choose another file.")
        yield container


def streams(path: Path, container: InputContainer) -> tuple[VideoStream | None, AudioStream | None]:
    """The video and audio stream that are played: the first of each. Cover art is not video.

    Raises:
        MediaError: there is neither.
    """
    from av.stream import Disposition

    still = Disposition.attached_pic | Disposition.timed_thumbnails
    video = [s for s in container.streams.video if s.codec_context and not s.disposition & still]
    audio = [s for s in container.streams.audio if s.codec_context]
    if not video and not audio:
        raise MediaError(f"{path} has neither video nor audio that can be decoded: choose another file.")
    return video[0] if video else None, audio[0] if audio else None
