"""A slow camera."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import torch
from torch import Tensor

from emolive.cli.config import Arg, Range
from emolive.plugins import AUGMENTATIONS
from training.augment.base import Stage, WindowAugmentation, WindowBatch


@AUGMENTATIONS.register("low_fps", title="low frame rate")
@dataclass(frozen=True)
class LowFrameRate(WindowAugmentation):
    """Shrinks the standard deviations within a bin, as they are with few frames in it.

    A webcam in dim light delivers so few frames that a bin has one or two of them. A bin with one frame has
    no deviation, and two frames rarely lie as far apart as four. Half of the clips that are chosen have one
    frame in each bin, the others something between.
    """

    low_fps_prob: Annotated[float, Range(0, 1), Arg(aliases=("few-frames",))] = 0.15
    """Share of clips from a slow camera."""

    stage = Stage.FEATURES

    def __call__(self, batch: WindowBatch) -> WindowBatch:
        normalizer = batch.video_normalizer
        if not self.low_fps_prob or normalizer is None or batch.spec.pooling != "mean":
            return batch
        factor = self.std_factor(len(batch))
        return replace(
            batch,
            video=scale_std(batch.video, factor),
            video_normalizer=normalizer.map_own_shift(lambda shift: scale_std(shift, factor)),
        )

    def std_factor(self, n: int) -> Tensor:
        """(n, 1, 1) factors from 0 to 1 for the standard deviations of n clips."""
        slow = torch.rand(n, 1, 1) < self.low_fps_prob
        return torch.where(slow, (2 * torch.rand(n, 1, 1) - 1).clamp_min(0), torch.ones(n, 1, 1))


def scale_std(features: Tensor, factor: Tensor) -> Tensor:
    """(B, T, 2 D) means and standard deviations of bins, the latter multiplied by (B, 1, 1)."""
    mean, std = features.chunk(2, dim=-1)
    return torch.cat([mean, std * factor], dim=-1)
