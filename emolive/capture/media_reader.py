"""One media file: its streams, where they begin and end, and what is wrong with them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from emolive.capture.audio_frames import iter_audio
from emolive.capture.container import Media, NetworkFile, open_media
from emolive.capture.packets import SkipFrames
from emolive.capture.timeline import StreamClock, describe_jump
from emolive.capture.tracks import AUTOMATIC, TrackChoice, choose_tracks, pts_ns, reach_ns
from emolive.capture.video_frames import iter_video
from emolive.clock import NS_PER_S, to_s
from emolive.errors import MediaError
from emolive.types import AudioBlock, Frame

OnCorruption = Callable[[str], None]
"""Called once for a file with corrupt data, with a message that names the position."""
OnNotice = Callable[[str], None]
"""Called with a sentence about what was chosen, corrected or left out: which of several tracks, stamps that
jump, values that can be no sound."""

_NO_DURATION = {"mp3", "aac", "ac3", "eac3", "mpegts", "mpeg", "h264", "hevc"}
"""Formats that do not store their duration; FFmpeg guesses it."""


@dataclass(slots=True)
class MediaReader:
    """Reads the streams of one file; `video` and `audio` may be iterated in different threads."""

    media: Media
    tracks: TrackChoice
    on_corruption: OnCorruption | None
    on_notice: OnNotice | None
    has_video: bool = False
    has_audio: bool = False
    origin_ns: int = 0
    duration_ns: int = 0
    """As far as the file states it."""
    reaches_ns: dict[str, int | None] = field(default_factory=dict)
    """Where video and audio end."""
    reached_ns: int = 0
    """What was decoded ends here."""
    has_jumped: bool = False
    has_implausible_sound: bool = False
    is_open_ended: bool = False
    """A recorder that was killed did not write the length: the end is where it is."""

    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(
        cls,
        media: Media,
        tracks: TrackChoice = AUTOMATIC,
        on_corruption: OnCorruption | None = None,
        on_notice: OnNotice | None = None,
    ) -> MediaReader:
        """Look at a file; arguments and errors as for `iter_media`."""
        reader = cls(media, tracks, on_corruption, on_notice)
        with open_media(media) as container:
            chosen = choose_tracks(media.name, container, tracks)
            streams = {"video": chosen.video, "audio": chosen.audio}
            reader.has_video, reader.has_audio = chosen.video is not None, chosen.audio is not None
            reader.origin_ns = min(
                pts_ns(s.start_time or 0, s.time_base) for s in streams.values() if s is not None
            )
            reader.reaches_ns = {
                kind: reach_ns(s, reader.origin_ns) for kind, s in streams.items() if s is not None
            }
            formats = set(container.format.name.split(","))
            reader.is_open_ended = "wav" in formats and _is_open_ended(media)
            has_duration = not formats & _NO_DURATION and not reader.is_open_ended
            if has_duration and container.duration:
                reader.duration_ns = pts_ns(container.duration, None)
        if on_notice is not None:
            for note in chosen.notes:
                on_notice(note)
        return reader

    @property
    def name(self) -> str:
        return self.media.name

    def clock(self, kind: str) -> StreamClock:
        """For the stamps of "video" or "audio"."""
        other = "audio" if kind == "video" else "video"
        covered_ns = self.reaches_ns.get(other)
        return StreamClock(covered_ns if other in self.reaches_ns else None, self.on_jump)

    def video(self, skip_frames: SkipFrames | None = None, *, start_ns: int = 0) -> Iterator[Frame]:
        """The frames in order, from some time before `start_ns` on.

        `skip_frames` decides which may be left out; by default none.
        """
        return iter_video(self, skip_frames, start_ns)

    def audio(self, start_ns: int = 0) -> Iterator[AudioBlock]:
        """The audio blocks in order, from some time before `start_ns` on."""
        return iter_audio(self, start_ns)

    def nothing_decoded(self) -> MediaError:
        """The error for a file that has streams but no frame and no block."""
        if isinstance(self.media, NetworkFile):
            return MediaError(
                f"Nothing could be read from {self.name}: save it to a file on this computer and open that."
            )
        return MediaError(f"Nothing in {self.name} can be decoded: the file is damaged, choose another one.")

    def report_corruption(self) -> None:
        """Report the first corruption of the file and its position."""
        with self._lock:
            report, self.on_corruption = self.on_corruption, None
        if report is not None:
            report(
                f"{self.name} is damaged near {to_s(self.reached_ns):.1f} s: what can be decoded is played."
            )

    def report_implausible_sound(self) -> None:
        """Values can be no sound; the first time is reported."""
        with self._lock:
            is_first, self.has_implausible_sound = not self.has_implausible_sound, True
        if is_first and self.on_notice is not None:
            self.on_notice(
                f"The sound of {self.name} holds values near {to_s(self.reached_ns):.1f} s that can be no "
                "sound: they are left out."
            )

    @contextlib.contextmanager
    def located(self) -> Iterator[None]:
        """Name the position in the error of a frame that is not plausible.

        Such a frame ends the file: whatever a decoder gives behind it has no more claim to be right.
        """
        try:
            yield
        except MediaError as error:
            at_s = to_s(self.reached_ns)
            raise MediaError(
                f"{self.name} is damaged near {at_s:.1f} s and is not read any further: {error}"
            ) from error

    def on_jump(self, at_ns: int, length_ns: int) -> None:
        """The stamps jump; the first time is reported."""
        with self._lock:
            is_first, self.has_jumped = not self.has_jumped, True
        if is_first and self.on_notice is not None:
            self.on_notice(describe_jump(self.name, at_ns, length_ns))

    def check_end(self) -> None:
        """A truncated file ends without any error, long before its stated duration."""
        if not self.has_jumped and self.reached_ns < 0.9 * self.duration_ns - 0.2 * NS_PER_S:
            self.report_corruption()


def _is_open_ended(media: Media) -> bool:
    """Whether a WAV file states no length of its data."""
    if not isinstance(media, Path):
        return True
    with media.open("rb") as file:
        head = file.read(4096)
    at = head.find(b"data", 12)
    return at < 0 or int.from_bytes(head[at + 4 : at + 8], "little") in (0, 2**32 - 1)
