"""Places audio blocks by their timestamps on the sample grid of a recording."""

from __future__ import annotations

from collections import deque

import numpy as np

from emolive.audio.resample import StreamResampler
from emolive.clock import NS_PER_S, to_ns
from emolive.types import AudioBlock, FloatArray

GAP_S = 0.1
"""A block this far from its place follows a gap, or repeats a time; otherwise it is jitter or drift."""
DRIFT_S = 0.004
"""Drift of the audio clock is corrected from here on."""
_N_OFFSETS = 63
"""Blocks over whose timestamps a median is taken, as in `emolive.buffers.audio_ring`."""
_MAX_STRETCH = 0.02
"""A block is stretched by at most this share, which cannot be heard."""
MAX_FILL_S = 60.0
"""Silence that is returned at once; a longer gap is filled by the next calls, whose blocks it replaces."""


class AudioTrack:
    """Turns blocks of any rate into samples at one rate without gaps: sample `i` belongs to `i / rate_hz`.

    Gaps are filled with zeros, what repeats a time is dropped, and drift of the audio clock against the
    timestamps is corrected by stretching blocks.

    Args:
        rate_hz: of the samples.
        start_ns: when sample 0 is due; what was captured before is dropped.
    """

    def __init__(self, rate_hz: int, start_ns: int) -> None:
        self.rate_hz = rate_hz
        self._start_ns = start_ns
        self._n = 0
        self._resampler: StreamResampler | None = None
        self._block_rate_hz = 0
        self._pending = 0
        """Samples that the resampler still holds back."""
        self._offsets: deque[int] = deque(maxlen=_N_OFFSETS)

    @property
    def duration_s(self) -> float:
        """Length of what was returned so far."""
        return self._n / self.rate_hz

    def add(self, block: AudioBlock) -> FloatArray:
        """The samples (n,) that follow in the track: silence of a gap before the block, and the block."""
        samples = self._resample(block)
        due = round((block.t_ns - self._start_ns) * self.rate_hz / NS_PER_S)
        offset = due - self._n - self._pending
        self._pending += round(len(block.samples) * self.rate_hz / block.rate_hz) - len(samples)
        gap = round(GAP_S * self.rate_hz)
        silence = np.zeros(0, np.float32)
        if offset > gap:
            self._offsets.clear()
            most = round(MAX_FILL_S * self.rate_hz)
            if offset > most:
                return self._append(np.zeros(most, np.float32))
            silence = np.zeros(offset, np.float32)
        elif offset < -gap or due < 0:
            self._offsets.clear()
            samples = samples[min(len(samples), -offset) :] if offset < 0 else samples
        else:
            samples = self._follow(samples, offset)
        return self._append(np.concatenate([silence, samples]) if len(silence) else samples)

    def _append(self, samples: FloatArray) -> FloatArray:
        self._n += len(samples)
        return samples

    def _resample(self, block: AudioBlock) -> FloatArray:
        if block.rate_hz == self.rate_hz:
            self._resampler, self._block_rate_hz, self._pending = None, block.rate_hz, 0
            return block.samples
        if self._resampler is None or self._block_rate_hz != block.rate_hz:
            self._resampler = StreamResampler(block.rate_hz, self.rate_hz)
            self._block_rate_hz, self._pending = block.rate_hz, 0
        return self._resampler(block.samples)

    def _follow(self, samples: FloatArray, offset: int) -> FloatArray:
        """A block stretched towards its place once the newest blocks agree that the clock has drifted."""
        self._offsets.append(offset)
        median = sorted(self._offsets)[len(self._offsets) // 2]
        settled = len(self._offsets) == _N_OFFSETS
        if not settled or abs(median) * NS_PER_S < to_ns(DRIFT_S) * self.rate_hz or len(samples) < 2:
            return samples
        most = max(1, round(_MAX_STRETCH * len(samples)))
        change = max(-most, min(most, median))
        self._offsets = deque((each - change for each in self._offsets), _N_OFFSETS)
        positions = np.linspace(0, len(samples) - 1, len(samples) + change)
        stretched = np.interp(positions, np.arange(len(samples)), samples)
        return stretched.astype(np.float32)
