"""Which video and which sound track of a file are used."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeVar

from emolive.capture.decoded import MAX_CHANNELS, MAX_PIXELS, MAX_RATE_HZ
from emolive.clock import NS_PER_S, to_ns
from emolive.errors import ConfigError, MediaError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

    S = TypeVar("S", VideoStream, AudioStream)

MIN_RATE_HZ = 4_000
"""Sound of a lower rate holds no voice."""
_STILL_NS = to_ns(1.0)

_CHOICE = re.compile(r"(?:(video|audio):)?([1-9][0-9]{0,2})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TrackChoice:
    """Tracks that the user chose; they count from 1 within their kind. None leaves it to the file."""

    video: int | None = None
    audio: int | None = None

    @classmethod
    def parse(cls, text: str) -> TrackChoice:
        """From "2" (the second sound track), "audio:2", "video:1" or "video:1,audio:2"; "" chooses none.

        Raises:
            ConfigError: it is none of them.
        """
        chosen: dict[str, int] = {}
        for part in text.split(",") if text.strip() else ():
            match = _CHOICE.fullmatch(part.strip())
            if match is None:
                raise ConfigError(f"--track must be a number from 1 on, audio:N or video:N, not {text}.")
            chosen[(match.group(1) or "audio").lower()] = int(match.group(2))
        return cls(**chosen)


AUTOMATIC = TrackChoice()


@dataclass(frozen=True, slots=True)
class Tracks:
    """The chosen tracks of an open file."""

    video: VideoStream | None
    audio: AudioStream | None
    notes: tuple[str, ...] = ()
    """A sentence for each kind of which there are several."""


def choose_tracks(name: str, container: InputContainer, choice: TrackChoice = AUTOMATIC) -> Tracks:
    """The video and the sound track that are played.

    Of several, the one that the file marks as its default, otherwise the first. Cover art, thumbnails and
    tracks of a single picture beside a film are no video; descriptions and comments are the last choice.

    Args:
        name: of the file, for sentences.
        container: the open file.
        choice: what the user chose.

    Raises:
        MediaError: there is neither, or not the track that was chosen, or it is beyond all bounds.
    """
    from av.stream import Disposition

    pictures = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    asides = (
        Disposition.comment
        | Disposition.hearing_impaired
        | Disposition.visual_impaired
        | Disposition.clean_effects
        | Disposition.karaoke
    )
    all_video = [s for s in container.streams.video if s.codec_context and not s.disposition & pictures]
    all_audio = [s for s in container.streams.audio if s.codec_context]
    if not all_video and not all_audio:
        raise MediaError(f"{name} has neither video nor audio that can be decoded: choose another file.")

    def video_rank(s: VideoStream) -> tuple[bool, bool, bool, int]:
        is_default = bool(s.disposition & Disposition.default)
        return _is_still(s, container), not is_default, bool(s.disposition & asides), -s.width * s.height

    def audio_rank(s: AudioStream) -> tuple[bool, bool]:
        return not s.disposition & Disposition.default, bool(s.disposition & asides)

    video = _choose(name, "video", all_video, choice.video, video_rank)
    audio = _choose(name, "sound", all_audio, choice.audio, audio_rank)
    notes = [
        f"{name} has {len(tracks)} {kind} tracks, of which number {_number(used, tracks)} is used"
        f"{_title(used)}: choose another one with --track {option}:N."
        for kind, option, tracks, used, number in (
            ("video", "video", all_video, video, choice.video),
            ("sound", "audio", all_audio, audio, choice.audio),
        )
        if used is not None and len(tracks) > 1 and number is None
    ]
    if video is not None and video.width * video.height > MAX_PIXELS:
        raise MediaError(
            f"The pictures of {name} are too large: {video.width} x {video.height} pixels, "
            f"and {MAX_PIXELS // 1_000_000} million are read."
        )
    if audio is not None and (fault := _audio_fault(name, audio)):
        if video is None:
            raise MediaError(fault)
        audio = None
        notes.append(fault)
    return Tracks(video, audio, tuple(notes))


def _number(used: VideoStream | AudioStream, tracks: Sequence[VideoStream | AudioStream]) -> int:
    """The place of a track among those of its kind, from 1."""
    return [track.index for track in tracks].index(used.index) + 1


def reach_ns(stream: VideoStream | AudioStream, origin_ns: int) -> int | None:
    """Where a stream ends, from the file's time 0, as far as the file says; None if it does not."""
    if stream.duration is not None and stream.duration > 0:
        return pts_ns((stream.start_time or 0) + stream.duration, stream.time_base) - origin_ns
    stated = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if stated is None:
        return None
    hours, minutes, seconds = stated.groups()
    return round((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * NS_PER_S) - origin_ns


def pts_ns(pts: int, time_base: Fraction | None) -> int:
    """A time stamp in nanoseconds; without a time base it counts microseconds."""
    return round(pts * (time_base or Fraction(1, 1_000_000)) * NS_PER_S)


def _choose(
    name: str, kind: str, tracks: Sequence[S], number: int | None, rank: Callable[[S], tuple[object, ...]]
) -> S | None:
    if number is None:
        return min(tracks, key=rank, default=None)
    if number > len(tracks):
        have = f"has only {len(tracks)}" if tracks else "has none"
        raise MediaError(f"{name} has no {kind} track {number}: it {have}.")
    return tracks[number - 1]


def _is_still(stream: VideoStream, container: InputContainer) -> bool:
    """Whether it is a single picture beside something longer."""
    if stream.frames == 1:
        return True
    reach = reach_ns(stream, pts_ns(stream.start_time or 0, stream.time_base))
    whole_ns = pts_ns(container.duration or 0, None)
    return reach is not None and reach < _STILL_NS and whole_ns > 3 * _STILL_NS


def _audio_fault(name: str, audio: AudioStream) -> str | None:
    context = audio.codec_context
    # A rate of 0 is not known before the first frame.
    is_read = context.sample_rate == 0 or MIN_RATE_HZ <= context.sample_rate <= MAX_RATE_HZ
    if is_read and context.channels <= MAX_CHANNELS:
        return None
    return (
        f"The sound of {name} has {context.sample_rate} samples a second in {context.channels} channels: "
        f"{MIN_RATE_HZ} to {MAX_RATE_HZ} in up to {MAX_CHANNELS} can be read, convert it first."
    )


def _title(stream: VideoStream | AudioStream) -> str:
    """What the file calls a track: title and language."""
    words = [stream.metadata.get(key, "") for key in ("title", "language")]
    shown = ", ".join("".join(c for c in word if c.isprintable())[:40] for word in words if word)
    return f" ({shown})" if shown and shown != "und" else ""
