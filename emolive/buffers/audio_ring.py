"""A ring buffer of audio samples, addressed by time."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np

from emolive.clock import NS_PER_S
from emolive.types import AudioSegment, BoolArray, FloatArray

GAP_S = 0.1
"""A block whose timestamp is off by more than this follows a gap (or an earlier timestamp was wrong)."""
LOSS_S = 0.012
"""Sound was lost where the timestamps of so many blocks in a row are late by more than this: a timestamp that
is late for another reason is followed by one that is not."""
LOSS_BLOCKS = 10
FLAGGED_LOSS_S = 0.004
"""The same for the first block behind a loss that the device reports."""
_N_OFFSETS = 63
"""Blocks over which jitter of timestamps is evened out by a median; 1.3 s of 20 ms blocks."""
DRIFT_S = 0.001
"""Drift of the audio clock is corrected in steps of this size: too small to be visible against the video, and
features computed between two steps stay valid."""
_HALF_UP = 0.51
"""Rounds half samples up in spite of the rounding of timestamps to nanoseconds."""


class AudioRingBuffer:
    """The newest seconds of mono audio, addressed by time. One thread writes, any number read.

    The time of a sample is its count over the rate plus an offset: the median of what the timestamps of the
    newest blocks imply. So jitter of single timestamps has no effect and drift of the audio clock is
    followed, while exact timestamps (of a file) give exact samples however the audio is cut into blocks.

    Lost samples leave a gap. A long one is seen in the next timestamp, a short one in that of LOSS_BLOCKS
    blocks, which are then moved to their time.

    Samples are stored twice in a row, so that every window is one contiguous view.

    Args:
        rate_hz: sampling rate.
        seconds: length of the buffer.

    Raises:
        ValueError: one of them is not positive.
    """

    def __init__(self, rate_hz: int, seconds: float) -> None:
        if rate_hz <= 0 or seconds <= 0:
            raise ValueError(f"rate_hz and seconds must be positive, not {rate_hz} and {seconds}")
        self.rate_hz = rate_hz
        self._allocate(max(1, round(rate_hz * seconds)))
        self._gap = round(GAP_S * rate_hz)
        self._step_ns = max(round(DRIFT_S * NS_PER_S), NS_PER_S // rate_hz + 1)
        self._lock = threading.Lock()
        self._offsets: deque[int] = deque(maxlen=_N_OFFSETS)
        self._offset_ns = 0
        self._low = self._high = 0
        """Indices of the oldest stored sample and of the next one to be written."""
        self._generation = 0
        """Counts how often samples that had been written became invalid."""
        self._empty = True
        self._late: deque[tuple[int, int]] = deque(maxlen=LOSS_BLOCKS)
        """Of the newest blocks, as far as they are late by LOSS_S: the index of the first sample, and by how
        many samples."""

    def write(
        self, samples: FloatArray, t_ns: int, present: BoolArray | None = None, *, lost_before: bool = False
    ) -> None:
        """Append samples, copied.

        Args:
            samples: (n,).
            t_ns: when the first one was captured.
            present: (n,) False for samples that are no sound; those that are not finite never are.
            lost_before: the device reports that samples before the first one were lost.
        """
        n = len(samples)
        if n == 0:
            return
        flags = present
        if not np.isfinite(samples.sum(dtype=np.float64)):
            flags = np.isfinite(samples) if present is None else np.isfinite(samples) & present
        if flags is not None:
            samples = np.where(flags, samples, np.float32(0))
        with self._lock:
            if self._empty:
                self._offset_ns = t_ns - self._high * NS_PER_S // self.rate_hz
                self._empty = False
            jump = self._index(t_ns) - self._high
            if abs(jump) > self._gap or (lost_before and jump > FLAGGED_LOSS_S * self.rate_hz):
                self._resync(jump)
            else:
                self._place_loss(jump)
            self._track_drift(t_ns)
            if n > self.capacity:
                self._high += n - self.capacity
                samples, n = samples[-self.capacity :], self.capacity
                flags = None if flags is None else flags[-self.capacity :]
            self._write(samples, n, True if flags is None else flags)

    def read(self, end_ns: int, n: int) -> tuple[FloatArray, BoolArray]:
        """The `n` samples that end at `end_ns`.

        Returns:
            Samples (n,) and which of them are present (n,). A sample before the first one, overwritten, in a
            gap or not yet written is zero and not present. The arrays are copies.
        """
        segment = self.read_segment(end_ns, n)
        return segment.samples, segment.present

    def read_segment(self, end_ns: int, n: int) -> AudioSegment:
        """As `read`, with the segment's position."""
        samples = np.zeros(n, np.float32)
        present = np.zeros(n, np.bool_)
        with self._lock:
            if self._empty:
                return AudioSegment(samples, present, 0, -n, self._generation)
            end = self._index(end_ns)
            start = end - n
            low, high = max(start, self._low), min(end, self._high)
            if low < high:
                at = low % self.capacity
                samples[low - start : high - start] = self._samples[at : at + high - low]
                present[low - start : high - start] = self._present[at : at + high - low]
            return AudioSegment(samples, present, end, self._high, self._generation)

    def extend_to(self, seconds: float) -> None:
        """Extend the buffer to at least this length; stored samples are preserved."""
        capacity = round(self.rate_hz * seconds)
        with self._lock:
            if capacity <= self.capacity:
                return
            at, high = self._low % self.capacity, self._high
            held = slice(at, at + high - self._low)
            samples, present = self._samples[held].copy(), self._present[held].copy()
            self._allocate(capacity)
            self._high = self._low
            self._write(samples, len(samples), present)

    @property
    def newest_ns(self) -> int | None:
        """The end of the newest sample; None while there is none."""
        with self._lock:
            if self._empty:
                return None
            return self._offset_ns + self._high * NS_PER_S // self.rate_hz

    def _allocate(self, capacity: int) -> None:
        self.capacity = capacity
        """Length of the buffer in samples."""
        self._samples = np.zeros(2 * capacity, np.float32)
        self._present = np.zeros(2 * capacity, np.bool_)

    def _index(self, t_ns: int) -> int:
        return int(np.floor((t_ns - self._offset_ns) * self.rate_hz / NS_PER_S + _HALF_UP))

    def _track_drift(self, t_ns: int) -> None:
        """Correct the offset once the timestamps differ from it by a full step."""
        if self._late:
            # Jitter or a loss, but no drift.
            return
        self._offsets.append(t_ns - self._high * NS_PER_S // self.rate_hz)
        median = sorted(self._offsets)[len(self._offsets) // 2]
        if abs(median - self._offset_ns) > self._step_ns:
            self._offset_ns = median

    def _place_loss(self, late: int) -> None:
        """Open a gap where samples were lost, once LOSS_BLOCKS blocks show it; the next one is `late` by so
        many samples."""
        if late <= LOSS_S * self.rate_hz:
            self._late.clear()
            return
        self._late.append((self._high, late))
        if len(self._late) < LOSS_BLOCKS:
            return
        at, n_lost = self._late[0][0], sorted(late for _, late in self._late)[LOSS_BLOCKS // 2]
        self._late.clear()
        if at <= self._low:
            return
        held = slice(at % self.capacity, at % self.capacity + self._high - at)
        samples, present = self._samples[held].copy(), self._present[held].copy()
        self._high = at
        self._write(np.zeros(n_lost, np.float32), n_lost, False)
        self._write(samples, len(samples), present)
        self._generation += 1

    def _resync(self, jump: int) -> None:
        """Move the write position by `jump` samples: ahead over a gap, or back to where the timestamps
        are."""
        self._offsets.clear()
        self._late.clear()
        if 0 < jump < self.capacity:
            self._write(np.zeros(jump, np.float32), jump, False)
            return
        self._generation += 1
        self._high += jump
        if jump > 0 or self._high < self._low:
            self._low = self._high

    def _write(self, samples: FloatArray, n: int, present: BoolArray | bool = True) -> None:
        """Store the next `n` samples (at most the capacity)."""
        at = self._high % self.capacity
        first = min(n, self.capacity - at)
        flags = np.broadcast_to(present, n)
        for start, part in ((at, slice(0, first)), (0, slice(first, n))):
            for mirror in (start, start + self.capacity):
                end = mirror + part.stop - part.start
                self._samples[mirror:end] = samples[part]
                self._present[mirror:end] = flags[part]
        self._high += n
        self._low = max(self._low, self._high - self.capacity)
