"""What was measured in a file over time: vectors of frames, and sound."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emolive.clock import NS_PER_S, to_ns
from emolive.plausibility import is_plausible_vector, plausible_samples
from emolive.types import AudioBlock, AudioSegment, BoolArray, FloatArray, StampArray

_HALF_UP = 0.51
"""As in `AudioRingBuffer`: half samples round up although stamps are rounded to nanoseconds."""


class FeatureSequence(Protocol):
    """Frame vectors that are read by time.

    `emolive.buffers.feature_buffer.FeatureBuffer` for a live source, `FeatureTrack` for a file.
    """

    def between(self, start_ns: int, end_ns: int) -> tuple[StampArray, FloatArray, BoolArray]:
        """All frames with start_ns <= stamp <= end_ns: stamps (n,), vectors (n, D), present (n,)."""
        ...


class FeatureTrack:
    """The frame vectors of a file.

    Args:
        stamps_ns: (n,) capture times, not decreasing.
        vectors: (n, D).
        present: (n,) False where there was no face.
        keep_s: frames that are older than this before the newest may be dropped; by default none are.
    """

    def __init__(
        self, stamps_ns: StampArray, vectors: FloatArray, present: BoolArray, keep_s: float = math.inf
    ) -> None:
        self._n = len(stamps_ns)
        self._stamps_ns, self._vectors, self._present = stamps_ns, vectors, present
        self._keep_ns = keep_s * NS_PER_S

    @classmethod
    def empty(cls, dim: int, keep_s: float = math.inf) -> FeatureTrack:
        """A track of no frames, for vectors (dim,)."""
        return cls(np.zeros(0, np.int64), np.zeros((0, dim), np.float32), np.zeros(0, np.bool_), keep_s)

    @property
    def stamps_ns(self) -> StampArray:
        """(n,)"""
        return self._stamps_ns[: self._n]

    @property
    def vectors(self) -> FloatArray:
        """(n, D), zero where there was no face."""
        return self._vectors[: self._n]

    @property
    def present(self) -> BoolArray:
        """(n,)"""
        return self._present[: self._n]

    def append(self, t_ns: int, vector: FloatArray | None) -> None:
        """Add a frame; None where it had no face. A frame that is not later than the newest is dropped, and
        a vector with values that no feature has counts as None."""
        if self._n and t_ns <= self._stamps_ns[self._n - 1]:
            return
        if self._n == len(self._stamps_ns) and self._keep_ns < math.inf:
            old = int(np.searchsorted(self.stamps_ns, t_ns - self._keep_ns))
            self._stamps_ns = self.stamps_ns[old:]
            self._vectors, self._present = self._vectors[old : self._n], self._present[old : self._n]
            self._n -= old
        n = self._n + 1
        self._stamps_ns = _with_room(self._stamps_ns, n)
        self._vectors = _with_room(self._vectors, n)
        self._present = _with_room(self._present, n)
        if vector is not None and not is_plausible_vector(vector):
            vector = None
        self._stamps_ns[self._n] = t_ns
        self._vectors[self._n] = 0.0 if vector is None else vector
        self._present[self._n] = vector is not None
        self._n = n

    def between(self, start_ns: int, end_ns: int) -> tuple[StampArray, FloatArray, BoolArray]:
        """All frames with start_ns <= stamp <= end_ns."""
        first, last = np.searchsorted(self.stamps_ns, [start_ns, end_ns + 1])
        return self._stamps_ns[first:last], self._vectors[first:last], self._present[first:last]


class Waveform:
    """The sound of a file, its first sample at time 0.

    Args:
        samples: (n,) mono in -1..1.
        rate_hz: sample rate.
        keep_s: samples that are older than this before the newest may be dropped, and then count as not
            recorded; by default none are.
    """

    def __init__(self, samples: ArrayLike, rate_hz: int, keep_s: float = math.inf) -> None:
        self._samples: FloatArray = np.asarray(samples, np.float32)
        self._recorded: BoolArray = np.ones(len(self._samples), np.bool_)
        self._n = len(self._samples)
        self._first = 0
        """Index of the oldest sample that is kept; `_n` and all positions count from time 0."""
        self._keep = keep_s * rate_hz
        self._rate_hz = rate_hz
        self._start_ns = 0
        self._generation = 0

    @classmethod
    def from_blocks(cls, blocks: Iterable[AudioBlock]) -> Waveform | None:
        """Blocks of one rate, each at its own time; None without any."""
        waveform: Waveform | None = None
        for block in blocks:
            waveform = waveform or cls((), block.rate_hz)
            waveform.append(block)
        return waveform

    @property
    def rate_hz(self) -> int:
        return self._rate_hz

    @property
    def samples(self) -> FloatArray:
        """(n,) those that are kept; zero where nothing was recorded: before a sound that begins late, in a
        gap."""
        return self._samples[: self._n - self._first]

    @property
    def duration_ns(self) -> int:
        """From time 0 to the end of the last sample."""
        return to_ns(self._n / self._rate_hz)

    def append(self, block: AudioBlock) -> None:
        """Add a block at its time. It has the waveform's rate and usually begins where the last one ended.

        Samples that can be no sound count as not recorded.
        """
        if not self._n:
            self._start_ns = block.t_ns
        start = round(block.t_ns * self._rate_hz / NS_PER_S)
        end = start + len(block.samples)
        if start < self._n:
            # Samples that may have been used already are replaced.
            self._generation += 1
        if end - self._first > len(self._samples) and self._keep < math.inf:
            self._drop_before(round(end - self._keep))
        part = slice(max(0, start - self._first), max(0, end - self._first))
        self._samples = _with_room(self._samples, part.stop)
        self._recorded = _with_room(self._recorded, part.stop)
        samples = block.samples[len(block.samples) - (part.stop - part.start) :]
        recorded = plausible_samples(samples)
        self._samples[part] = samples if recorded is None else np.where(recorded, samples, 0)
        self._recorded[part] = True if recorded is None else recorded
        self._n = max(self._n, end)

    def _drop_before(self, index: int) -> None:
        old = index - self._first
        if old <= 0:
            return
        held = slice(min(old, self._n - self._first), self._n - self._first)
        self._samples, self._recorded = self._samples[held].copy(), self._recorded[held].copy()
        self._first = index
        self._n = max(self._n, index)

    def read(self, end_ns: int, n: int) -> tuple[FloatArray, BoolArray]:
        """The `n` samples that end at `end_ns`, zero and not present where nothing was recorded."""
        segment = self.read_segment(end_ns, n)
        return segment.samples, segment.present

    def read_segment(self, end_ns: int, n: int) -> AudioSegment:
        """As `read`, with the position.

        Positions count from the first recorded sample, as in `AudioRingBuffer`, so that a file and a live
        session are resampled in the same chunks.
        """
        first = round(self._start_ns * self._rate_hz / NS_PER_S)
        position = math.floor((end_ns - self._start_ns) * self._rate_hz / NS_PER_S + _HALF_UP)
        end = first + position
        samples, present = np.zeros(n, np.float32), np.zeros(n, np.bool_)
        low, high = max(self._first, end - n), min(self._n, end)
        if low < high:
            part, held = slice(low - end + n, high - end + n), slice(low - self._first, high - self._first)
            samples[part], present[part] = self._samples[held], self._recorded[held]
        return AudioSegment(samples, present, position, self._n - first, self._generation)


def _with_room(array: NDArray[Any], n: int) -> NDArray[Any]:
    """The array itself, or a copy with room for `n` rows and as many again; new rows are zero."""
    if n <= len(array):
        return array
    larger = np.zeros((2 * n, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger
