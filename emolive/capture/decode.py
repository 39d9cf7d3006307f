"""Media files decoded: one truth for playing, preprocessing and offline analysis."""

from __future__ import annotations

import heapq
import operator
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emolive.capture.base import SourceInfo
from emolive.capture.container import open_media, streams
from emolive.clock import NS_PER_S, to_s
from emolive.errors import EmoliveError
from emolive.types import AudioBlock, FloatArray, Frame, Image

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

OnCorruption = Callable[[str], None]

DECODERS = 2
"""While one picture is looked at, the next two are decoded."""
BLOCK_S = 0.02
"""Sound comes in blocks of at most this length, as from a microphone."""
_HOLE_NS = 30_000_000
"""Containers round the stamps of sound to 1 ms or so; only more than this is a hole in it."""
_SHORT_HOLE_NS = 100_000_000
_REORDER = 4
"""Some real clips (RAVDESS among them) leave the decoder with frames out of order."""
_NO_LENGTH = {"mp3", "aac", "ac3", "eac3", "mpegts", "mpeg", "h264", "hevc"}
"""Formats that do not say how long they are; FFmpeg guesses."""


def probe(path: Path | str) -> SourceInfo:
    """Say what is in a media file. EmoliveError if it cannot be played at all."""
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
    on_damage: OnCorruption | None = None,
) -> Iterator[Frame | AudioBlock]:
    """Decode a file: its frames and blocks of sound in the order of their `t_ns`.

    0 is where the earlier of the two streams begins, so the offset between them is kept; it does
    not depend on `video` and `audio`, which choose what is delivered. When a frame comes, all
    sound before it has come. A frame becomes BGR only when its image is asked for. Sound is the mean
    of its channels at the file's own rate. What is damaged is left out and told to `on_damage` once, as
    one sentence.

    Raises EmoliveError for a file that cannot be opened or has nothing to give.
    """
    path = Path(path)
    with open_media(path) as container:
        video_stream, audio_stream = streams(path, container)
        origin_ns = min(
            _ns(s.start_time or 0, s.time_base) for s in (video_stream, audio_stream) if s is not None
        )
        told = not set(container.format.name.split(",")) & _NO_LENGTH
        length_ns = _ns(container.duration, None) if told and container.duration else 0
    damage = _CorruptionReporter(path, on_damage)
    # One reader each: nothing has to be held back however badly a file is interleaved.
    readers: list[Iterator[Frame | AudioBlock]] = []
    if audio and audio_stream is not None:
        readers.append(_sound(path, origin_ns, damage))
    if video and video_stream is not None:
        readers.append(_pictures(path, origin_ns, damage))
    empty = bool(readers)
    for item in heapq.merge(*readers, key=operator.attrgetter("t_ns")):
        empty = False
        yield item
    # A file that was cut off ends without any error, long before it said it would.
    atomic_write = len(readers) == sum(s is not None for s in (video_stream, audio_stream))
    if atomic_write and damage.reached_ns < 0.9 * length_ns - 0.2 * NS_PER_S:
        damage()
    if empty:
        raise EmoliveError(f"Nothing in {path.name} can be decoded: the file is damaged.")


def read_audio(path: Path | str) -> tuple[FloatArray, int]:
    """Read all sound of a file: samples (n,) float32 and their rate in Hz.

    Sample 0 is at 0 of `iter_media`; what is missing is zero. EmoliveError if there is no sound.
    """
    path = Path(path)
    blocks = [b for b in iter_media(path, video=False) if isinstance(b, AudioBlock)]
    if not blocks:
        raise EmoliveError(f"{path.name} has no sound: choose a file with an audio track.")
    rate_hz = blocks[0].rate_hz
    starts = [round(block.t_ns * rate_hz / NS_PER_S) for block in blocks]
    samples = np.zeros(starts[-1] + len(blocks[-1].samples), np.float32)
    for start, block in zip(starts, blocks, strict=True):
        samples[start : start + len(block.samples)] = block.samples
    return samples, rate_hz


def fill_gap(block: AudioBlock, sound_end_ns: int) -> AudioBlock | None:
    """Fill a short hole between the sound so far and `block`; None if there is none or it is long.

    A ring marks long holes itself, but would take a short one for a change of the clock.
    """
    hole_ns = block.t_ns - sound_end_ns
    n = round(hole_ns * block.rate_hz / NS_PER_S)
    if n <= 0 or hole_ns > _SHORT_HOLE_NS:
        return None
    return AudioBlock(sound_end_ns, np.zeros(n, np.float32), block.rate_hz)


class _CorruptionReporter:
    """Tells of the first damage only, and where in the file it is."""

    def __init__(self, path: Path, on_damage: OnCorruption | None) -> None:
        self._name = path.name
        self._on_damage = on_damage
        self.reached_ns = 0

    def __call__(self) -> None:
        if self._on_damage is not None:
            at_s = to_s(self.reached_ns)
            self._on_damage(f"{self._name} is damaged near {at_s:.1f} s: what can be read is played.")
            self._on_damage = None


def _decoded(
    container: InputContainer, stream: VideoStream | AudioStream, damage: _CorruptionReporter
) -> Iterator[Any]:
    """All frames of a stream that can be decoded, in the decoder's order."""
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError):
            damage()
            return
        if packet is None:
            return
        if packet.is_corrupt:
            damage()
        try:
            frames = stream.decode(packet)
        except av.FFmpegError:
            damage()
            continue
        for frame in frames:
            if frame.is_corrupt:
                damage()
            yield frame


def _pictures(path: Path, origin_ns: int, damage: _CorruptionReporter) -> Iterator[Frame]:
    from av.video.reformatter import VideoReformatter

    with open_media(path) as container:
        stream, _ = streams(path, container)
        assert stream is not None
        # Whole frames in parallel: few files are cut into slices, which FFmpeg would share out otherwise.
        stream.thread_type = "FRAME"
        stream.codec_context.thread_count = DECODERS
        reformatter, one_at_a_time = VideoReformatter(), threading.Lock()
        step_ns = round(NS_PER_S / (stream.average_rate or 30))
        t_ns = _ns(stream.start_time or 0, stream.time_base) - origin_ns - step_ns
        for index, frame in enumerate(_in_order(_decoded(container, stream, damage))):
            t_ns += step_ns
            if frame.pts is not None:
                due_ns = _ns(frame.pts, frame.time_base) - origin_ns
                # A stamp from the past is a fault: such a frame follows at the file's rate.
                if index == 0 or due_ns > t_ns - step_ns:
                    t_ns = due_ns
            damage.reached_ns = max(damage.reached_ns, t_ns + step_ns)
            yield Frame(t_ns, _Picture(frame, reformatter, one_at_a_time), index)


class _Picture:
    """A decoded picture, converted when somebody looks at it, and once."""

    def __init__(self, frame: VideoFrame, reformatter: VideoReformatter, lock: threading.Lock) -> None:
        self._frame: VideoFrame | None = frame
        self._reformatter = reformatter
        self._lock = lock
        """Held while converting: the reformatter of a file serves one picture at a time."""
        self._image: Image | None = None

    def __call__(self) -> Image:
        """(height, width, 3) BGR, upright."""
        with self._lock:
            if self._frame is not None:
                self._image, self._frame = _image(self._frame, self._reformatter), None
            assert self._image is not None
            return self._image


def _in_order(frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """Put frames in the order of their stamps, looking a few ahead."""
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


def _sound(path: Path, origin_ns: int, damage: _CorruptionReporter) -> Iterator[AudioBlock]:
    """Blocks whose stamps are counted in samples, so that they are exact in any container."""
    with open_media(path) as container:
        _, stream = streams(path, container)
        assert stream is not None
        rate_hz = start_ns = count = 0
        end_ns = 0
        for frame in _decoded(container, stream, damage):
            samples = _mono(frame)
            due_ns = end_ns if frame.pts is None else _ns(frame.pts, frame.time_base) - origin_ns
            if not rate_hz:
                rate_hz = frame.sample_rate
                start_ns = due_ns
            if frame.sample_rate != rate_hz:
                damage()
                continue
            if count and due_ns - end_ns > _HOLE_NS:
                hole = fill_gap(AudioBlock(due_ns, samples, rate_hz), end_ns)
                if hole is None:
                    start_ns, count = due_ns, 0
                else:
                    yield hole
                    count += len(hole.samples)
            size = max(1, round(rate_hz * BLOCK_S))
            for first in range(0, len(samples), size):
                part = samples[first : first + size]
                t_ns = start_ns + round(count * NS_PER_S / rate_hz)
                yield AudioBlock(t_ns, part, rate_hz)
                count += len(part)
            end_ns = start_ns + round(count * NS_PER_S / rate_hz)
            damage.reached_ns = max(damage.reached_ns, end_ns)


def _mono(frame: AudioFrame) -> FloatArray:
    """(n,) float32 in -1..1, the mean of the channels."""
    raw: NDArray[Any] = frame.to_ndarray()
    samples: NDArray[Any]
    channels = frame.layout.nb_channels
    raw = raw.reshape(channels, -1) if frame.format.is_planar else raw.reshape(-1, channels).T
    if raw.dtype.kind == "f":
        samples = raw.astype(np.float32, copy=False)
        # Looked for in the sum, which they spoil: clearing them from every block takes longer than decoding.
        if not np.isfinite(samples.sum()):
            samples = np.nan_to_num(samples, posinf=0.0, neginf=0.0)
    elif raw.dtype == np.uint8:
        samples = (raw.astype(np.float32) - 128) / 128
    else:
        samples = (raw / -float(np.iinfo(raw.dtype).min)).astype(np.float32)
    mono: FloatArray = samples[0] if channels == 1 else samples.mean(axis=0, dtype=np.float32)
    return mono


def _ns(pts: int, time_base: Fraction | None) -> int:
    return round(pts * (time_base or Fraction(1, 1_000_000)) * NS_PER_S)
