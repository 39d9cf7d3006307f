"""Band-limited sample rate conversion with the SoX resampler (soxr, quality HQ, linear phase).

Three ways, for three uses:

* `resample`: samples that are all there.
* `StreamResampler`: blocks that come one after another, in constant memory. Gives the samples of `resample`.
* `ResampledReader`: any stretch of an `AudioBuffer`, again and again, as windows move over it.

None has a delay: output sample k lies at the time of input sample k * from_hz / to_hz.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple, Protocol

import numpy as np
import soxr
from numpy.typing import ArrayLike

from emolive.errors import ConfigError
from emolive.types import AudioSegment, BoolArray, FloatArray

QUALITY = "HQ"
FILTER_REACH = 96
"""The filter's impulse response is below 1e-6 of its peak this many samples of the lower rate away."""
CHUNK_S = 0.2
"""`ResampledReader` converts chunks of 1 to 1.5 times this length."""
LOOKBACK_S = 0.35
"""So much signal before a read's first sample can be needed, at rates from 4 kHz on."""


def resample(samples: ArrayLike, from_hz: int, to_hz: int) -> FloatArray:
    """Convert the sample rate of a whole signal.

    Args:
        samples: (..., n).
        from_hz: its rate.
        to_hz: the rate of the result.

    Returns:
        (..., round(n * to_hz / from_hz)) float32, a new array; sample 0 stays where it is. The signal counts
        as silent before its first and after its last sample.

    Raises:
        ConfigError: a rate is not a whole number above 0.
    """
    _check_rates(from_hz, to_hz)
    signal = np.array(samples, np.float32)
    if from_hz == to_hz or not signal.size:
        return signal
    # soxr takes the channels as columns and works through a long signal piece by piece.
    channels = signal.reshape(-1, signal.shape[-1]).T
    converted: FloatArray = soxr.resample(channels, from_hz, to_hz, QUALITY).T
    return np.ascontiguousarray(converted).reshape(*signal.shape[:-1], -1)


class StreamResampler:
    """Converts the rate of a signal block by block, in constant memory.

    All blocks together, with `flush`, give the same samples as `resample` of the whole signal. Output comes
    up to about 20 ms of input late. For one thread.

    Args:
        from_hz: rate of the blocks.
        to_hz: rate of the result.

    Raises:
        ConfigError: a rate is not a whole number above 0.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        _check_rates(from_hz, to_hz)
        self._stream: Any = (
            None if from_hz == to_hz else soxr.ResampleStream(from_hz, to_hz, 1, "float32", QUALITY)
        )

    def __call__(self, block: FloatArray) -> FloatArray:
        """(n,) → (m,): what has become final with this block; m may be 0."""
        return block if self._stream is None else self._stream.resample_chunk(np.asarray(block, np.float32))

    def flush(self) -> FloatArray:
        """(m,) the rest, after the last block; the next block then starts a new signal."""
        empty = np.zeros(0, np.float32)
        if self._stream is None:
            return empty
        rest: FloatArray = self._stream.resample_chunk(empty, last=True)
        self._stream.clear()
        return rest


class AudioBuffer(Protocol):
    """A signal that is read by time.

    `emolive.buffers.audio_ring.AudioRingBuffer` for a live source, `emolive.windowing.Waveform` for a file.
    """

    @property
    def rate_hz(self) -> int: ...

    def read_segment(self, end_ns: int, n: int) -> AudioSegment:
        """The `n` samples that end at `end_ns`, and their position in the buffer."""
        ...


class _Chunk(NamedTuple):
    samples: FloatArray
    present: BoolArray


class ResampledReader:
    """Reads an `AudioBuffer` at another rate; samples that were converted once are kept. For one thread.

    A read gives the same values bit for bit whatever was read before, and from a live ring the same as from
    the whole file. For that, the buffer is converted in chunks at fixed positions, counted from its first
    sample. Each chunk is converted on its own, from its samples and `FILTER_REACH` on either side, so that
    nothing else can influence it. A chunk whose samples may still change, or that reaches past the end of the
    read (what lies there counts as silent), is converted anew at the next read.

    Memory and time are bounded for every rate: a chunk lasts about `CHUNK_S`, and a read needs up to
    `LOOKBACK_S` of signal before its first sample.
    """

    def __init__(self, to_hz: int) -> None:
        self.rate_hz = to_hz
        self._buffer: AudioBuffer | None = None
        self._generation = 0
        self._chunks: dict[int, _Chunk] = {}
        """Final chunks by number."""

    def locate(self, buffer: AudioBuffer, end_ns: int) -> tuple[int, int]:
        """The position of `end_ns` in samples at `rate_hz`, and the buffer's generation."""
        place = buffer.read_segment(end_ns, 0)
        if buffer.rate_hz == self.rate_hz:
            return place.end, place.generation
        return _grid(buffer.rate_hz, self.rate_hz).to_output(place.end), place.generation

    def read(self, buffer: AudioBuffer, end_ns: int, n: int) -> AudioSegment:
        """The `n` > 0 samples at `rate_hz` that end at `end_ns`.

        Positions in the result count samples at `rate_hz`. Samples before `stable_until` come out the same in
        every later read, as long as the generation stays the same.
        """
        if buffer.rate_hz == self.rate_hz:
            return _up_to_end(buffer.read_segment(end_ns, n))
        grid = _grid(buffer.rate_hz, self.rate_hz)
        place = buffer.read_segment(end_ns, 0)
        end = grid.to_output(place.end)
        final = grid.final_before(min(place.end, place.stable_until))
        if buffer is not self._buffer or place.generation != self._generation:
            self._buffer, self._generation, self._chunks = buffer, place.generation, {}
        first, last = (end - n) // grid.chunk_out, (end - 1) // grid.chunk_out
        # A chunk that reaches past this end is not used again, though an earlier read may have had all of it.
        chunks = {i: chunk for i, chunk in self._chunks.items() if first <= i < final}
        missing = next(i for i in range(first, last + 1) if i not in chunks)
        source = buffer.read_segment(end_ns, place.end - grid.first_input(missing))
        if (source.end, source.generation) != (place.end, place.generation):
            # It was rewritten between the two calls.
            return self.read(buffer, end_ns, n)
        chunks.update(zip(range(missing, last + 1), grid.convert(source, last - missing + 1), strict=True))
        self._chunks = {i: chunk for i, chunk in chunks.items() if i < final}
        parts = [chunks[i] for i in range(first, last + 1)]
        start = (end - n) % grid.chunk_out
        return AudioSegment(
            np.concatenate([part.samples for part in parts])[start : start + n],
            np.concatenate([part.present for part in parts])[start : start + n],
            end,
            min(end, final * grid.chunk_out),
            place.generation,
        )


@dataclass(frozen=True, slots=True)
class _Grid:
    """The chunks in which one rate is converted to another, and the positions of both rates."""

    from_hz: int
    to_hz: int
    chunk_in: int
    """Input samples of a chunk."""
    chunk_out: int
    """Output samples of a chunk."""
    before: int
    """Input samples to convert before a chunk: at least the filter's reach."""
    after: int
    """Input samples to convert behind it."""

    @classmethod
    def between(cls, from_hz: int, to_hz: int) -> _Grid:
        reach = ceil(FILTER_REACH * max(1.0, from_hz / to_hz))
        shortest = max(1, round(CHUNK_S * from_hz))
        chunk_in = _whole_output(shortest, shortest + shortest // 2, from_hz, to_hz)
        before = _whole_output(reach, 2 * reach, from_hz, to_hz)
        return cls(from_hz, to_hz, chunk_in, round(chunk_in * to_hz / from_hz), before, reach)

    def to_output(self, position: int) -> int:
        """The output sample nearest to an input sample."""
        chunk, rest = divmod(position, self.chunk_in)
        return chunk * self.chunk_out + round(rest * self.chunk_out / self.chunk_in)

    def final_before(self, stable_until: int) -> int:
        """The first chunk that is not final when input samples before `stable_until` are."""
        return (stable_until - self.after) // self.chunk_in

    def first_input(self, chunk: int) -> int:
        """The first input sample on which a chunk depends."""
        return chunk * self.chunk_in - self.before

    def convert(self, source: AudioSegment, count: int) -> list[_Chunk]:
        """Convert `count` chunks.

        Args:
            source: from the first chunk's `first_input` on; what is missing at its end counts as silent.
            count: how many.
        """
        # The pieces are independent, so soxr may take them as the channels of one short signal.
        pieces = np.zeros((count, self.before + self.chunk_in + self.after), np.float32)
        for i, piece in enumerate(pieces):
            part = source.samples[i * self.chunk_in :][: len(piece)]
            piece[: len(part)] = part
        converted = soxr.resample(pieces.T, self.from_hz, self.to_hz, QUALITY).T
        first = round(self.before * self.to_hz / self.from_hz)
        return [
            _Chunk(
                converted[i, first : first + self.chunk_out],
                self._present(source.present[self.before + i * self.chunk_in :][: self.chunk_in]),
            )
            for i in range(count)
        ]

    def _present(self, present: BoolArray) -> BoolArray:
        """Input flags of a chunk, which may end early → output flags."""
        if len(present) == self.chunk_in and present.all():
            return np.ones(self.chunk_out, np.bool_)
        nearest = np.arange(self.chunk_out) * self.chunk_in // self.chunk_out
        return np.append(present, np.zeros(self.chunk_in - len(present), np.bool_))[nearest]


def _whole_output(low: int, high: int, from_hz: int, to_hz: int) -> int:
    """The number of input samples from `low` to `high` that is nearest to a whole number of output samples.

    Exact for common rates. Of others (44,101 Hz) neighbouring chunks are up to 1/20 of a sample apart; chunks
    for which that is exact would last a second.
    """
    numbers = np.arange(low, high + 1, dtype=np.int64)
    rest = numbers * to_hz % from_hz
    return int(numbers[np.minimum(rest, from_hz - rest).argmin()])


_grid = lru_cache(maxsize=64)(_Grid.between)


def _up_to_end(segment: AudioSegment) -> AudioSegment:
    """What lies behind the end of a read is not part of it, so it cannot be stable."""
    return replace(segment, stable_until=min(segment.end, segment.stable_until))


def _check_rates(*rates: float) -> None:
    if any(rate != int(rate) or rate <= 0 for rate in rates):
        raise ConfigError(
            f"A sample rate must be a whole number of Hz above 0, not {' or '.join(map(str, rates))}."
        )
