"""Choice of the frames that are processed, from their timestamps and the model's description."""

from __future__ import annotations

from emolive.clock import NS_PER_S, to_ns
from emolive.models.spec import ModelSpec

VIDEO_FEATURE_HZ = 15
"""Frames processed per second when the vectors of a bin are averaged."""


class FrameSampler:
    """Chooses the frames to process by their timestamps only.

    With "mean" pooling that is the first frame in each 1/15 s; with "middle" pooling the first frame at
    or after the middle of each bin.

    Args:
        spec: of the model.
        origin_ns: the source's time 0, from which bins are counted.
    """

    def __init__(self, spec: ModelSpec, origin_ns: int) -> None:
        if spec.pooling == "mean":
            self._period_ns = NS_PER_S / VIDEO_FEATURE_HZ
            # Shifted by a quarter, so that a source of exactly this rate does not lie on the borders of the
            # slots, where a third of its frames would share a slot with the frame before.
            self._start_ns = origin_ns - round(self._period_ns / 4)
        else:
            self._period_ns = spec.bin_s * NS_PER_S
            self._start_ns = origin_ns + to_ns(spec.bin_s / 2)
        self._last = -1

    def accept(self, t_ns: int) -> bool:
        """Whether to process the frame of `t_ns`. Call it once per frame, in order."""
        slot = int((t_ns - self._start_ns) // self._period_ns)
        if slot <= self._last:
            return False
        self._last = slot
        return True
