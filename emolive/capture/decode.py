"""Decodes media files: used alike for playing, file analysis and preprocessing."""

from __future__ import annotations

import contextlib
import operator
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from emolive.audio.downmix import Downmixer
from emolive.capture.audio_blocks import BlockCutter
from emolive.capture.av_offset import audio_shift_ns, shifted, video_shift_ns
from emolive.capture.base import SourceInfo
from emolive.capture.container import Media, NetworkFile, media_of, open_media
from emolive.capture.decoded import channels_of, check_video
from emolive.capture.picture import PictureConverter
from emolive.capture.timeline import StreamClock, describe_jump, merge
from emolive.capture.tracks import AUTOMATIC, TrackChoice, choose_tracks, pts_ns, reach_ns
from emolive.clock import NS_PER_S, to_s
from emolive.errors import MediaError
from emolive.types import AudioBlock, FloatArray, Frame, Image

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

OnCorruption = Callable[[str], None]
"""Called once for a file with corrupt data, with a message that names the position."""
OnNotice = Callable[[str], None]
"""Called with a sentence about what was chosen or corrected: which of several tracks, stamps that jump."""
SkipMode = Literal["DEFAULT", "NONREF", "NONKEY"]
SkipFrames = Callable[[bool], SkipMode]
"""Which frames the decoder may leave out now: FFmpeg's "DEFAULT", "NONREF" or "NONKEY". Called before each
packet, with whether it is a key frame."""

Item = TypeVar("Item", Frame, AudioBlock)

DECODERS = 2
"""Decoder threads of a video stream."""
_REORDER = 4
"""How many frames are held back to sort them: some real clips (RAVDESS among them) are decoded out of
order."""
_NO_DURATION = {"mp3", "aac", "ac3", "eac3", "mpegts", "mpeg", "h264", "hevc"}
"""Formats that do not store their duration; FFmpeg guesses it."""
_RAW_VIDEO = {"h264", "hevc", "m4v", "mpegvideo", "vc1", "obu", "vvc"}
"""Formats without time stamps; the rate that the codec states is right, that of the format is a guess."""
_JOINT = 4
"""Where recordings were joined a packet is marked as corrupt that is whole; a key frame follows within this
many packets."""
MAX_READ_S = 4 * 3600
"""`read_audio` refuses what is longer."""


def probe(path: Media | str, tracks: TrackChoice = AUTOMATIC) -> SourceInfo:
    """Which streams a media file has, and its duration.

    Raises:
        MediaError: it cannot be played at all.
    """
    media = media_of(path)
    with open_media(media) as container:
        chosen = choose_tracks(media.name, container, tracks)
        duration_s = container.duration / 1_000_000 if container.duration else None
    return SourceInfo(
        name=media.name,
        has_video=chosen.video is not None,
        has_audio=chosen.audio is not None,
        live=False,
        duration_s=duration_s,
    )


def iter_media(
    path: Media | str,
    *,
    video: bool = True,
    audio: bool = True,
    on_corruption: OnCorruption | None = None,
    on_notice: OnNotice | None = None,
    tracks: TrackChoice = AUTOMATIC,
    start_ns: int = 0,
    av_offset_ns: int = 0,
) -> Iterator[Frame | AudioBlock]:
    """Decode a file: its frames and audio blocks in the order of their `t_ns`.

    Time 0 is where the earlier of the two streams starts, so that their offset is preserved; it does not
    depend on `video` and `audio`. Stamps that jump are corrected, see `emolive.capture.timeline`. All audio
    before a frame is yielded before the frame. A frame is converted to BGR when its image is first read.
    Audio is one channel (`emolive.audio.downmix`) at the file's own rate.

    Args:
        path: a media file, or one at a network address.
        video: whether to yield frames.
        audio: whether to yield audio blocks.
        on_corruption: called once with a sentence if data cannot be decoded; such data is left out.
        on_notice: called with sentences about what was chosen or corrected.
        tracks: which of several tracks to use.
        start_ns: begin with the frame that is shown at this time and with the sound from there on; the `t_ns`
            are the same as from the beginning. The indices of frames count from 0.
        av_offset_ns: by how much the sound is moved to later times against the picture; may be negative.

    Raises:
        MediaError: the file cannot be opened, or nothing in it can be decoded.
    """
    reader = MediaReader.open(media_of(path), tracks, on_corruption, on_notice)
    # One decoder per stream: a badly interleaved file needs no buffering.
    streams: list[Iterator[Frame | AudioBlock]] = []
    if audio and reader.has_audio:
        shift_ns = audio_shift_ns(av_offset_ns)
        streams.append(_from(start_ns, shifted(reader.audio(start_ns - shift_ns), shift_ns)))
    if video and reader.has_video:
        shift_ns = video_shift_ns(av_offset_ns)
        streams.append(_from(start_ns, shifted(reader.video(start_ns=start_ns - shift_ns), shift_ns)))
    is_empty = True
    for item in merge(streams, reader.on_jump, start_ns):
        is_empty = False
        yield item
    if start_ns:
        return
    if len(streams) == reader.has_audio + reader.has_video:
        reader.check_end()
    if streams and is_empty:
        raise reader.nothing_decoded()


def weight(item: Frame | AudioBlock) -> int:
    """How much memory an item holds, in megabytes: for `prefetch`."""
    source = item.image_source if isinstance(item, Frame) else None
    return source.n_bytes // 1_000_000 if isinstance(source, _LazyImage) else 1


def read_audio(path: Media | str, tracks: TrackChoice = AUTOMATIC) -> tuple[FloatArray, int]:
    """Read all audio of a file.

    Returns:
        Samples (n,) float32, zero where there are none, and their rate in Hz. Sample 0 is at time 0 of
        `iter_media`.

    Raises:
        MediaError: the file has no audio, is too long, or cannot be opened.
    """
    media = media_of(path)
    blocks: list[AudioBlock] = []
    for item in iter_media(media, video=False, tracks=tracks):
        if isinstance(item, AudioBlock):
            blocks.append(item)
            if item.t_ns > MAX_READ_S * NS_PER_S:
                raise MediaError(
                    f"{media} is too long: {MAX_READ_S // 3600} h can be read at once, cut it into parts."
                )
    if not blocks:
        raise MediaError(f"{media.name} has no sound: choose a file with an audio track.")
    rate_hz = blocks[0].rate_hz
    starts = [round(block.t_ns * rate_hz / NS_PER_S) for block in blocks]
    samples = np.zeros(starts[-1] + len(blocks[-1].samples), np.float32)
    for start, block in zip(starts, blocks, strict=True):
        samples[start : start + len(block.samples)] = block.samples
    return samples, rate_hz


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
        return _iter_video(self, skip_frames, start_ns)

    def audio(self, start_ns: int = 0) -> Iterator[AudioBlock]:
        """The audio blocks in order, from some time before `start_ns` on."""
        return _iter_audio(self, start_ns)

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


def _from(start_ns: int, items: Iterator[Item]) -> Iterator[Item]:
    """The items from a time on, with the frame or block that this time is in."""
    previous: Item | None = None
    for item in items:
        if item.t_ns >= start_ns:
            if previous is not None and item.t_ns > start_ns:
                yield previous
            yield item
            yield from items
            return
        previous = item
    if previous is not None and start_ns:
        yield previous


def _seek(container: InputContainer, origin_ns: int, start_ns: int) -> None:
    """Continue at a key frame before a time; files that cannot be searched are decoded from the beginning."""
    import av

    margin_ns = NS_PER_S // 2
    if start_ns > margin_ns:
        with contextlib.suppress(av.FFmpegError, OSError):
            container.seek((origin_ns + start_ns - margin_ns) // 1000)


def _is_open_ended(media: Media) -> bool:
    """Whether a WAV file states no length of its data."""
    if not isinstance(media, Path):
        return True
    with media.open("rb") as file:
        head = file.read(4096)
    at = head.find(b"data", 12)
    return at < 0 or int.from_bytes(head[at + 4 : at + 8], "little") in (0, 2**32 - 1)


def _decoded(
    container: InputContainer,
    stream: VideoStream | AudioStream,
    reader: MediaReader,
    skip_frames: SkipFrames | None = None,
) -> Iterator[Any]:
    """All frames of a stream that can be decoded, in the decoder's order, each with its packet."""
    import av

    packets = container.demux(stream)
    suspected, has_skipped = 0, False
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError, IndexError):
            # IndexError: a damaged container has fewer streams than it announced.
            reader.report_corruption()
            return
        if packet is None:
            if suspected and not reader.is_open_ended:
                reader.report_corruption()
            return
        if packet.is_keyframe and not packet.is_corrupt:
            suspected = 0
        elif packet.is_corrupt or suspected:
            suspected += 1
            if suspected > _JOINT:
                reader.report_corruption()
        if skip_frames is not None and packet.size:
            skip = skip_frames(packet.is_keyframe)
            has_skipped = has_skipped or skip != "DEFAULT"
            stream.codec_context.skip_frame = skip
        try:
            frames = stream.decode(packet)
        except av.FFmpegError:
            reader.report_corruption()
            continue
        for frame in frames:
            # A frame may refer to one that was skipped.
            if frame.is_corrupt and not has_skipped:
                reader.report_corruption()
            yield packet, frame


def _iter_video(reader: MediaReader, skip_frames: SkipFrames | None, start_ns: int) -> Iterator[Frame]:
    with open_media(reader.media) as container:
        stream = choose_tracks(reader.name, container, reader.tracks).video
        assert stream is not None
        # Frame threading: few files have slices, which the default would decode in parallel.
        stream.thread_type = "FRAME"
        stream.codec_context.thread_count = DECODERS
        convert = PictureConverter(stream.sample_aspect_ratio)
        is_raw = container.format.name in _RAW_VIDEO
        rate_hz = (is_raw and stream.codec_context.framerate) or stream.average_rate or 30
        step_ns = round(NS_PER_S / rate_hz)
        clock, t_ns = reader.clock("video"), 0
        if not is_raw:
            t_ns = pts_ns(stream.start_time or 0, stream.time_base) - reader.origin_ns
        t_ns -= step_ns
        _seek(container, reader.origin_ns, start_ns)
        for index, (pts, frame) in enumerate(_in_order(_decoded(container, stream, reader, skip_frames))):
            t_ns += step_ns
            if pts is not None:
                due_ns = clock.place(pts_ns(pts, frame.time_base) - reader.origin_ns, t_ns)
                # A timestamp that does not increase is a fault: such a frame follows at the nominal rate.
                if index == 0 or due_ns > t_ns - step_ns:
                    t_ns = due_ns
            reader.reached_ns = max(reader.reached_ns, t_ns + step_ns)
            with reader.located():
                check_video(frame)
            yield Frame(t_ns, _LazyImage(frame, convert), index)


class _LazyImage:
    """A decoded frame, converted to BGR when first called."""

    def __init__(self, frame: VideoFrame, convert: PictureConverter) -> None:
        self._frame: VideoFrame | None = frame
        self._convert = convert
        self._image: Image | None = None
        self.n_bytes = sum(plane.buffer_size for plane in frame.planes)
        """Of the decoded frame."""

    def __call__(self) -> Image:
        """(height, width, 3) BGR, upright."""
        frame = self._frame
        if frame is not None:
            self._image, self._frame = self._convert(frame), None
        assert self._image is not None
        return self._image


def _in_order(frames: Iterator[tuple[Any, VideoFrame]]) -> Iterator[tuple[int | None, VideoFrame]]:
    """Frames in order of time with their stamps, holding back a few.

    Stamps that follow those of decoding at one distance (AVI has no others) say nothing about the order of
    the pictures: that is the decoder's, and gets the stamps in theirs.
    """
    held: list[tuple[int, VideoFrame]] = []
    distance: int | None = None
    are_of_display = False

    def first() -> tuple[int, VideoFrame]:
        stamp = min(pts for pts, _ in held)
        chosen = min(held, key=operator.itemgetter(0)) if are_of_display else held[0]
        held.remove(chosen)
        if not are_of_display:
            # The others keep the stamps that are left.
            left = sorted([chosen[0], *(pts for pts, _ in held)])[1:]
            held[:] = [(pts, frame) for pts, (_, frame) in zip(left, held, strict=True)]
        return stamp, chosen[1]

    for packet, frame in frames:
        if frame.pts is None:
            yield None, frame
            continue
        if packet.pts is not None and packet.dts is not None:
            distance = packet.pts - packet.dts if distance is None else distance
            are_of_display = are_of_display or packet.pts - packet.dts != distance
        held.append((frame.pts, frame))
        if len(held) > _REORDER:
            yield first()
    while held:
        yield first()


def _iter_audio(reader: MediaReader, start_ns: int) -> Iterator[AudioBlock]:
    """Audio blocks at the rate of the first frame, also if the stream's rate changes."""
    with open_media(reader.media) as container:
        stream = choose_tracks(reader.name, container, reader.tracks).audio
        assert stream is not None
        clock, blocks, mixer = reader.clock("audio"), None, None
        _seek(container, reader.origin_ns, start_ns)
        for _, frame in _decoded(container, stream, reader):
            with reader.located():
                channels = channels_of(frame)
            due_ns = None
            if frame.pts is not None:
                due_ns = pts_ns(frame.pts, frame.time_base) - reader.origin_ns
                due_ns = clock.place(due_ns, 0 if blocks is None else blocks.end_ns)
            if blocks is None:
                blocks = BlockCutter(frame.sample_rate, due_ns or 0)
            if mixer is None or mixer.format != (frame.layout.name, frame.sample_rate):
                mixer = _Mixer(frame)
            yield from blocks.add(mixer(channels), frame.sample_rate, due_ns)
            reader.reached_ns = max(reader.reached_ns, blocks.end_ns)
        if blocks is not None:
            yield from blocks.flush()


class _Mixer:
    """Mixes the channels of frames of one layout and rate."""

    def __init__(self, frame: AudioFrame) -> None:
        self.format = frame.layout.name, frame.sample_rate
        names = [channel.name for channel in frame.layout.channels]
        self._mix = Downmixer(frame.layout.nb_channels, frame.sample_rate, names)

    def __call__(self, channels: FloatArray) -> FloatArray:
        """(channels, n) → (n,) in -1..1."""
        # NaN and inf are detected in the sum: replacing them in every block takes longer than decoding.
        if not np.isfinite(channels.sum()):
            channels = np.nan_to_num(channels, posinf=0.0, neginf=0.0)
        return self._mix(channels)
