"""Which frames are looked at. It knows nothing of models but their description, and is there before them."""

from __future__ import annotations

from emolive.clock import NS_PER_S, to_ns
from emolive.models.spec import ModelSpec

VIDEO_FEATURE_HZ = 15
"""Frames a second that are looked at where a bin's vectors are averaged."""


class FrameSampler:
    """Chooses the frames that perception looks at, by their stamps alone.

    For the "mean" of a bin: the first frame in each 1/15 s. For its "middle": the first frame from
    the middle of each bin on. Bins are counted from `origin_ns`, where the source began.
    """

    def __init__(self, spec: ModelSpec, origin_ns: int) -> None:
        if spec.pooling == "mean":
            self._period_ns = NS_PER_S / VIDEO_FEATURE_HZ
            # A source of just that rate must not lie on the borders of the slots, where a third of its
            # frames would share one with the frame before.
            self._start_ns = origin_ns - round(self._period_ns / 4)
        else:
            self._period_ns = spec.bin_s * NS_PER_S
            self._start_ns = origin_ns + to_ns(spec.bin_s / 2)
        self._last = -1

    def accept(self, t_ns: int) -> bool:
        """Whether to look at the frame of `t_ns`; to be asked once for each frame, in order."""
        slot = int((t_ns - self._start_ns) // self._period_ns)
        if slot <= self._last:
            return False
        self._last = slot
        return True
