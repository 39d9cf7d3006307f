"""Decodes media files: used alike for playing, file analysis and preprocessing."""

from __future__ import annotations

import contextlib
import heapq
import operator
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from emolive.capture.audio_blocks import BlockCutter
from emolive.capture.av_offset import audio_shift_ns, shifted, video_shift_ns
from emolive.capture.base import SourceInfo
from emolive.capture.container import open_media, streams
from emolive.capture.decoded import channels_of, check_video
from emolive.clock import NS_PER_S, to_s
from emolive.errors import MediaError
from emolive.types import AudioBlock, FloatArray, Frame, Image

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

OnCorruption = Callable[[str], None]
"""Called once for a file with corrupt data, with a message that names the position."""

Item = TypeVar("Item", Frame, AudioBlock)

DECODERS = 2
"""Decoder threads of a video stream."""
_REORDER = 4
"""How many frames are held back to sort them: some real clips (RAVDESS among them) are decoded out of
order."""
_NO_DURATION = {"mp3", "aac", "ac3", "eac3", "mpegts", "mpeg", "h264", "hevc"}
"""Formats that do not store their duration; FFmpeg guesses it."""


def probe(path: Path | str) -> SourceInfo:
    """Which streams a media file has, and its duration.

    Raises:
        MediaError: it cannot be played at all.
    """
    path = Path(path)
    with open_media(path) as container:
        video, audio = streams(path, container)
        duration_s = container.duration / 1_000_000 if container.duration else None
    return SourceInfo(
        name=path.name,
        has_video=video is not None,
        has_audio=audio is not None,
        live=False,
        duration_s=duration_s,
    )


def iter_media(
    path: Path | str,
    *,
    video: bool = True,
    audio: bool = True,
    on_corruption: OnCorruption | None = None,
    start_ns: int = 0,
    av_offset_ns: int = 0,
) -> Iterator[Frame | AudioBlock]:
    """Decode a file: its frames and audio blocks in the order of their `t_ns`.

    Time 0 is where the earlier of the two streams starts, so that their offset is preserved; it does not
    depend on `video` and `audio`. All audio before a frame is yielded before the frame. A frame is converted
    to BGR when its image is first read. Audio is the mean of its channels at the file's own rate.

    Args:
        path: a media file.
        video: whether to yield frames.
        audio: whether to yield audio blocks.
        on_corruption: called once with a sentence if data cannot be decoded; such data is left out.
        start_ns: begin with the frame that is shown at this time and with the sound from there on; the `t_ns`
            are the same as from the beginning. The indices of frames count from 0.
        av_offset_ns: by how much the sound is moved to later times against the picture; may be negative.

    Raises:
        MediaError: the file cannot be opened, or nothing in it can be decoded.
    """
    path = Path(path)
    with open_media(path) as container:
        video_stream, audio_stream = streams(path, container)
        origin_ns = min(
            _ns(s.start_time or 0, s.time_base) for s in (video_stream, audio_stream) if s is not None
        )
        has_duration = not set(container.format.name.split(",")) & _NO_DURATION
        duration_ns = _ns(container.duration, None) if has_duration and container.duration else 0
    corruption = _CorruptionReporter(path, on_corruption)
    # One reader per stream: a badly interleaved file needs no buffering.
    readers: list[Iterator[Frame | AudioBlock]] = []
    if audio and audio_stream is not None:
        shift_ns = audio_shift_ns(av_offset_ns)
        sound = _iter_audio(path, origin_ns, corruption, start_ns - shift_ns)
        readers.append(_from(start_ns, shifted(sound, shift_ns)))
    if video and video_stream is not None:
        shift_ns = video_shift_ns(av_offset_ns)
        pictures = _iter_video(path, origin_ns, corruption, start_ns - shift_ns)
        readers.append(_from(start_ns, shifted(pictures, shift_ns)))
    empty = bool(readers) and not start_ns
    for item in heapq.merge(*readers, key=operator.attrgetter("t_ns")):
        empty = False
        yield item
    # A truncated file ends without any error, long before its stated duration.
    all_streams = len(readers) == sum(s is not None for s in (video_stream, audio_stream))
    if all_streams and not start_ns and corruption.reached_ns < 0.9 * duration_ns - 0.2 * NS_PER_S:
        corruption()
    if empty:
        raise MediaError(f"Nothing in {path.name} can be decoded: the file is damaged, choose another one.")


def read_audio(path: Path | str) -> tuple[FloatArray, int]:
    """Read all audio of a file.

    Returns:
        Samples (n,) float32, zero where there are none, and their rate in Hz. Sample 0 is at time 0 of
        `iter_media`.

    Raises:
        MediaError: the file has no audio, or cannot be opened.
    """
    path = Path(path)
    blocks = [b for b in iter_media(path, video=False) if isinstance(b, AudioBlock)]
    if not blocks:
        raise MediaError(f"{path.name} has no sound: choose a file with an audio track.")
    rate_hz = blocks[0].rate_hz
    starts = [round(block.t_ns * rate_hz / NS_PER_S) for block in blocks]
    samples = np.zeros(starts[-1] + len(blocks[-1].samples), np.float32)
    for start, block in zip(starts, blocks, strict=True):
        samples[start : start + len(block.samples)] = block.samples
    return samples, rate_hz


class _CorruptionReporter:
    """Reports the first corruption of a file and its position."""

    def __init__(self, path: Path, on_corruption: OnCorruption | None) -> None:
        self._name = path.name
        self._on_corruption = on_corruption
        self.reached_ns = 0

    def __call__(self) -> None:
        if self._on_corruption is not None:
            at_s = to_s(self.reached_ns)
            self._on_corruption(f"{self._name} is damaged near {at_s:.1f} s: what can be decoded is played.")
            self._on_corruption = None

    @contextmanager
    def located(self) -> Iterator[None]:
        """Name the position in the error of a frame that is not plausible.

        Such a frame ends the file: whatever a decoder gives behind it has no more claim to be right.
        """
        try:
            yield
        except MediaError as error:
            at_s = to_s(self.reached_ns)
            raise MediaError(
                f"{self._name} is damaged near {at_s:.1f} s and is not read any further: {error}"
            ) from error


def _decoded(
    container: InputContainer, stream: VideoStream | AudioStream, corruption: _CorruptionReporter
) -> Iterator[Any]:
    """All frames of a stream that can be decoded, in the decoder's order."""
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError, IndexError):
            # IndexError: a damaged container has fewer streams than it announced.
            corruption()
            return
        if packet is None:
            return
        if packet.is_corrupt:
            corruption()
        try:
            frames = stream.decode(packet)
        except av.FFmpegError:
            corruption()
            continue
        for frame in frames:
            if frame.is_corrupt:
                corruption()
            yield frame


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


def _iter_video(
    path: Path, origin_ns: int, corruption: _CorruptionReporter, start_ns: int = 0
) -> Iterator[Frame]:
    from av.video.reformatter import VideoReformatter

    with open_media(path) as container:
        stream, _ = streams(path, container)
        assert stream is not None
        # Frame threading: few files have slices, which the default would decode in parallel.
        stream.thread_type = "FRAME"
        stream.codec_context.thread_count = DECODERS
        reformatter, reformatter_lock = VideoReformatter(), threading.Lock()
        step_ns = round(NS_PER_S / (stream.average_rate or 30))
        t_ns = _ns(stream.start_time or 0, stream.time_base) - origin_ns - step_ns
        _seek(container, origin_ns, start_ns)
        for index, frame in enumerate(_sort_frames(_plausible(container, stream, corruption))):
            t_ns += step_ns
            if frame.pts is not None:
                due_ns = _ns(frame.pts, frame.time_base) - origin_ns
                # A timestamp that does not increase is a fault: such a frame follows at the nominal rate.
                if index == 0 or due_ns > t_ns - step_ns:
                    t_ns = due_ns
            corruption.reached_ns = max(corruption.reached_ns, t_ns + step_ns)
            yield Frame(t_ns, _LazyImage(frame, reformatter, reformatter_lock), index)


def _plausible(
    container: InputContainer, stream: VideoStream, corruption: _CorruptionReporter
) -> Iterator[VideoFrame]:
    """The frames of a stream, each checked before it is used."""
    for frame in _decoded(container, stream, corruption):
        with corruption.located():
            check_video(frame)
        yield frame


class _LazyImage:
    """A decoded frame, converted to BGR when first called."""

    def __init__(self, frame: VideoFrame, reformatter: VideoReformatter, lock: threading.Lock) -> None:
        self._frame: VideoFrame | None = frame
        self._reformatter = reformatter
        self._lock = lock
        """Held while converting: the reformatter of a file is not thread-safe."""
        self._image: Image | None = None

    def __call__(self) -> Image:
        """(height, width, 3) BGR, upright."""
        with self._lock:
            if self._frame is not None:
                self._image, self._frame = _image(self._frame, self._reformatter), None
            assert self._image is not None
            return self._image


def _sort_frames(frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """Sort frames by timestamp, holding back a few."""
    held: list[tuple[int, int, VideoFrame]] = []
    for count, frame in enumerate(frames):
        if frame.pts is None:
            yield frame
            continue
        heapq.heappush(held, (frame.pts, count, frame))
        if len(held) > _REORDER:
            yield heapq.heappop(held)[-1]
    while held:
        yield heapq.heappop(held)[-1]


def _image(frame: VideoFrame, reformatter: VideoReformatter) -> Image:
    """(height, width, 3) BGR, upright."""
    image = reformatter.reformat(frame, format="bgr24", threads=1).to_ndarray()
    quarter_turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, quarter_turns), dtype=np.uint8)


def _iter_audio(
    path: Path, origin_ns: int, corruption: _CorruptionReporter, start_ns: int = 0
) -> Iterator[AudioBlock]:
    """Audio blocks at the rate of the first frame, also if the stream's rate changes."""
    with open_media(path) as container:
        _, stream = streams(path, container)
        assert stream is not None
        blocks: BlockCutter | None = None
        _seek(container, origin_ns, start_ns)
        for frame in _decoded(container, stream, corruption):
            due_ns = None if frame.pts is None else _ns(frame.pts, frame.time_base) - origin_ns
            with corruption.located():
                samples = _mono(frame)
            if blocks is None:
                blocks = BlockCutter(frame.sample_rate, due_ns or 0)
            yield from blocks.add(samples, frame.sample_rate, due_ns)
            corruption.reached_ns = max(corruption.reached_ns, blocks.end_ns)
        if blocks is not None:
            yield from blocks.flush()


def _mono(frame: AudioFrame) -> FloatArray:
    """(n,) float32 in -1..1, the mean of the channels. MediaError for a frame that cannot be read."""
    samples = channels_of(frame)
    # NaN and inf are detected in the sum: replacing them in every block takes longer than decoding.
    if not np.isfinite(samples.sum()):
        samples = np.nan_to_num(samples, posinf=0.0, neginf=0.0)
    mono: FloatArray = samples[0] if len(samples) == 1 else samples.mean(axis=0, dtype=np.float32)
    return mono


def _ns(pts: int, time_base: Fraction | None) -> int:
    return round(pts * (time_base or Fraction(1, 1_000_000)) * NS_PER_S)
