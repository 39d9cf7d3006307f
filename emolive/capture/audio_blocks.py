"""Decoded audio as blocks of one rate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emolive.audio.resample import StreamResampler
from emolive.clock import NS_PER_S
from emolive.types import AudioBlock, FloatArray

BLOCK_S = 0.02
"""Blocks have at most this length, as from a microphone."""
_GAP_NS = 30_000_000
"""Containers round audio timestamps to 1 ms or so; only a longer difference is a gap."""
_SHORT_GAP_NS = 100_000_000


class BlockCutter:
    """Cuts decoded audio into blocks of one rate.

    Their timestamps are counted in samples, so that they are exact in any container.

    Args:
        rate_hz: of the blocks.
        start_ns: when the audio begins.
    """

    def __init__(self, rate_hz: int, start_ns: int) -> None:
        self._rate_hz, self._frame_rate_hz = rate_hz, rate_hz
        self._resampler = StreamResampler(rate_hz, rate_hz)
        self._start_ns = start_ns
        self._n_cut = 0
        """Samples since the start, in blocks."""
        self._n_added = 0.0
        """Samples since the start, with those that the resampler still holds back."""

    @property
    def end_ns(self) -> int:
        """The end of the newest frame."""
        return self._start_ns + round(self._n_added * NS_PER_S / self._rate_hz)

    def add(self, samples: FloatArray, rate_hz: int, due_ns: int | None) -> Iterator[AudioBlock]:
        """Add a frame at any rate; `due_ns` is its timestamp, None if it follows the one before."""
        has_gap = due_ns is not None and due_ns - self.end_ns > _GAP_NS
        if has_gap or rate_hz != self._frame_rate_hz:
            yield from self.flush()
            self._frame_rate_hz = rate_hz
            self._resampler = StreamResampler(rate_hz, self._rate_hz)
        if has_gap and due_ns is not None:
            gap = fill_gap(AudioBlock(due_ns, samples, self._rate_hz), self.end_ns)
            if gap is None:
                self._start_ns, self._n_cut, self._n_added = due_ns, 0, 0.0
            else:
                yield gap
                self._n_cut += len(gap.samples)
                self._n_added += len(gap.samples)
        self._n_added += len(samples) * self._rate_hz / rate_hz
        yield from self._cut(self._resampler(samples))

    def flush(self) -> Iterator[AudioBlock]:
        """The samples still in the resampler."""
        yield from self._cut(self._resampler.flush())
        self._n_added = self._n_cut

    def _cut(self, samples: FloatArray) -> Iterator[AudioBlock]:
        size = max(1, round(self._rate_hz * BLOCK_S))
        for first in range(0, len(samples), size):
            part = samples[first : first + size]
            yield AudioBlock(
                self._start_ns + round(self._n_cut * NS_PER_S / self._rate_hz), part, self._rate_hz
            )
            self._n_cut += len(part)


def fill_gap(block: AudioBlock, audio_end_ns: int) -> AudioBlock | None:
    """Zeros for a short gap between the end of the audio so far and `block`; None if there is none or it is
    long.

    An audio ring marks a long gap itself, but would treat a short one as clock drift.
    """
    gap_ns = block.t_ns - audio_end_ns
    n = round(gap_ns * block.rate_hz / NS_PER_S)
    if n <= 0 or gap_ns > _SHORT_GAP_NS:
        return None
    return AudioBlock(audio_end_ns, np.zeros(n, np.float32), block.rate_hz)
