"""What FFmpeg finds in a file, or one sentence on why nothing of it can be played."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emolive.errors import EmoliveError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

_NOT_MEDIA = {"image2", "tty", "hls", "dash", "concat"}
"""Still pictures, text, and lists of other files, which FFmpeg would open as well."""


@contextmanager
def open_media(path: Path) -> Iterator[InputContainer]:
    """Open a file that FFmpeg can play. EmoliveError, in one sentence, for anything else."""
    import av

    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise EmoliveError(f"There is no file {path}: check the path.") from None
    except (OSError, ValueError) as error:
        raise EmoliveError(f"{path} cannot be read: {error}.") from error
    if stat.S_ISDIR(found.st_mode):
        raise EmoliveError(f"{path} is a folder: choose a video or sound file in it.")
    if not stat.S_ISREG(found.st_mode):
        raise EmoliveError(f"{path} is not a file: choose a video or sound file.")
    if found.st_size == 0:
        raise EmoliveError(f"{path} is empty: choose another file.")
    try:
        container = av.open(f"file:{path}", metadata_errors="ignore")
    except PermissionError as error:
        raise EmoliveError(f"{path} cannot be read: you have no permission to open it.") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise EmoliveError(
            f"{path} cannot be read as a video or sound file: it is damaged or of another kind."
        ) from error
    with container:
        names = set(container.format.name.split(","))
        if names & _NOT_MEDIA or container.format.name.endswith("_pipe"):
            raise EmoliveError(f"{path} is not a video or sound file: choose another file.")
        yield container


def streams(path: Path, container: InputContainer) -> tuple[VideoStream | None, AudioStream | None]:
    """The picture and the sound that are played. Cover art is no picture.

    Raises:
        EmoliveError: there is neither.
    """
    from av.stream import Disposition

    still = Disposition.attached_pic | Disposition.timed_thumbnails
    video = [s for s in container.streams.video if s.codec_context and not s.disposition & still]
    audio = [s for s in container.streams.audio if s.codec_context]
    if not video and not audio:
        raise EmoliveError(f"{path} has neither picture nor sound that can be decoded.")
    return video[0] if video else None, audio[0] if audio else None
