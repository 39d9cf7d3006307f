"""Choice of the frames that are processed, from their timestamps and the model's description."""

from __future__ import annotations

from emolive.clock import NS_PER_S, to_ns
from emolive.models.spec import ModelSpec

VIDEO_FEATURE_HZ = 15
"""Frames processed per second when the vectors of a bin are averaged."""


class FrameSampler:
    """Chooses the frames to process by their timestamps only.

    With "mean" pooling that is the first frame in each 1/15 s; with "middle" pooling the first frame at
    or after the middle of each bin, and where frames are so rare that it may lie in the next bin (more than
    half a bin apart) also the first frame of each bin.

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
            self._bin_start_ns: int | None = None
        else:
            self._period_ns = spec.bin_s * NS_PER_S
            self._start_ns = origin_ns + to_ns(spec.bin_s / 2)
            self._bin_start_ns = origin_ns
        self._last = self._last_bin = -1
        self._before_ns: int | None = None

    def accept(self, t_ns: int) -> bool:
        """Whether to process the frame of `t_ns`. Call it once per frame, in order."""
        slot = int((t_ns - self._start_ns) // self._period_ns)
        is_chosen = slot > self._last
        self._last = max(slot, self._last)
        if self._bin_start_ns is None:
            return is_chosen
        # A bin includes its end and not its start.
        its_bin = -int((self._bin_start_ns - t_ns) // self._period_ns) - 1
        is_rare = self._before_ns is not None and t_ns - self._before_ns > self._period_ns / 2
        self._before_ns = t_ns if self._before_ns is None else max(t_ns, self._before_ns)
        is_chosen = is_chosen or (is_rare and its_bin > self._last_bin)
        if is_chosen:
            self._last_bin = max(its_bin, self._last_bin)
        return is_chosen
