"""The newest sound of a source, found by time."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np

from emolive.clock import NS_PER_S
from emolive.types import AudioSegment, BoolArray, FloatArray

GAP_S = 0.1
"""A block that starts this much off its place was preceded by a gap (or an earlier one was false)."""
_OFFSETS = 63
"""Over so many blocks the stamps' jitter is evened out; 1.3 s of 20 ms blocks."""
DRIFT_S = 0.001
"""The sound card's clock is followed in steps of this size: nobody sees lips slip by it, and what was
computed of the sound between two steps stays valid."""
_HALF_UP = 0.51
"""Rounds half samples up even when a stamp's own rounding to nanoseconds is against it."""


class AudioRingBuffer:
    """The newest `seconds` of one mono sound, found by time.

    One thread writes, any number read. Samples are counted; the time of a sample is its count
    over the rate plus an offset, which is the median of what the newest blocks' stamps say. So
    jitter of single stamps does no harm and drift of the sound card's clock is followed, while
    exact stamps (a file's) give exact samples however the sound is cut into blocks.

    Every buffer is stored twice in a row, so that each window is one contiguous view.
    """

    def __init__(self, rate_hz: int, seconds: float) -> None:
        if rate_hz <= 0 or seconds <= 0:
            raise ValueError(f"rate_hz and seconds must be positive, not {rate_hz} and {seconds}")
        self.rate_hz = rate_hz
        self.capacity = max(1, round(rate_hz * seconds))
        """Samples that are kept."""
        self._samples = np.zeros(2 * self.capacity, np.float32)
        self.has_signal = np.zeros(2 * self.capacity, np.bool_)
        self._gap = round(GAP_S * rate_hz)
        self._step_ns = max(round(DRIFT_S * NS_PER_S), NS_PER_S // rate_hz + 1)
        self._lock = threading.Lock()
        self._offsets: deque[int] = deque(maxlen=_OFFSETS)
        self._offset_ns = 0
        self._low = 0
        self._high = 0
        self._version = 0
        """Counts how often samples that had been written were taken back."""
        self._empty = True

    def write(self, samples: FloatArray, t_ns: int) -> None:
        """Append `samples` (n,), the first of which was captured at `t_ns`. Copies; never waits long."""
        n = len(samples)
        if n == 0:
            return
        with self._lock:
            if self._empty:
                self._offset_ns = t_ns - self._high * NS_PER_S // self.rate_hz
                self._empty = False
            jump = self._index(t_ns) - self._high
            if abs(jump) > self._gap:
                self._jump(jump)
            self._follow(t_ns)
            self._append(samples, n)

    def read(self, end_ns: int, n: int) -> tuple[FloatArray, BoolArray]:
        """Return the `n` samples that end at `end_ns`: samples (n,) and which are present (n,).

        What is not there (before the beginning, not yet arrived, overwritten, in a gap) is zero
        and not present. The arrays are the caller's own.
        """
        found = self.read_segment(end_ns, n)
        return found.samples, found.present

    def read_segment(self, end_ns: int, n: int) -> AudioSegment:
        """What `read` gives, and where in the sound it lies."""
        samples = np.zeros(n, np.float32)
        present = np.zeros(n, np.bool_)
        with self._lock:
            if self._empty:
                return AudioSegment(samples, present, 0, -n, self._version)
            end = self._index(end_ns)
            start = end - n
            low, high = max(start, self._low), min(end, self._high)
            if low < high:
                at = low % self.capacity
                samples[low - start : high - start] = self._samples[at : at + high - low]
                present[low - start : high - start] = self.has_signal[at : at + high - low]
            return AudioSegment(samples, present, end, self._high, self._version)

    @property
    def newest_ns(self) -> int | None:
        """When the newest sample ended; None while there is none."""
        with self._lock:
            if self._empty:
                return None
            return self._offset_ns + self._high * NS_PER_S // self.rate_hz

    def clear(self) -> None:
        """Forget all sound and all stamps."""
        with self._lock:
            self._offsets.clear()
            self._low = self._high = 0
            self._version += 1
            self._empty = True

    def _index(self, t_ns: int) -> int:
        return int(np.floor((t_ns - self._offset_ns) * self.rate_hz / NS_PER_S + _HALF_UP))

    def _follow(self, t_ns: int) -> None:
        """Let the offset follow the stamps once it is off by a whole step."""
        self._offsets.append(t_ns - self._high * NS_PER_S // self.rate_hz)
        median = sorted(self._offsets)[len(self._offsets) // 2]
        if abs(median - self._offset_ns) > self._step_ns:
            self._offset_ns = median

    def _jump(self, jump: int) -> None:
        """Move the writing place: ahead over a gap, or back to where the stamps say it should be."""
        self._offsets.clear()
        if 0 < jump < self.capacity:
            self._fill(None, jump)
            return
        self._version += 1
        self._high += jump
        if jump > 0 or self._high < self._low:
            self._low = self._high

    def _append(self, samples: FloatArray, n: int) -> None:
        if n > self.capacity:
            self._high += n - self.capacity
            samples, n = samples[-self.capacity :], self.capacity
        self._fill(samples, n)

    def _fill(self, samples: FloatArray | None, n: int) -> None:
        """Put the next `n` samples in place; None is silence that is not present."""
        at = self._high % self.capacity
        first = min(n, self.capacity - at)
        for start, length, done in ((at, first, 0), (0, n - first, first)):
            part = 0.0 if samples is None else samples[done : done + length]
            for mirror in (start, start + self.capacity):
                self._samples[mirror : mirror + length] = part
                self.has_signal[mirror : mirror + length] = samples is not None
        self._high += n
        self._low = max(self._low, self._high - self.capacity)
