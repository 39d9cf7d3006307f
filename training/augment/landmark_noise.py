"""Another tracker of landmarks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import torch

from emolive.cli.config import Range
from emolive.plugins import AUGMENTATIONS
from training.augment.base import Stage, WindowAugmentation, WindowBatch


@AUGMENTATIONS.register("landmark_noise", title="jitter and offset of the face features")
@dataclass(frozen=True)
class LandmarkNoise(WindowAugmentation):
    """Adds jitter to each bin and an offset to each clip, relative to the normalizer's scale."""

    landmark_noise: Annotated[float, Range(0, 10)] = 0.1
    """Standard deviation of the jitter of each bin, in units of the normalizer's scale."""
    landmark_offset: Annotated[float, Range(0, 10)] = 0.2
    """Standard deviation of the offset of each clip, in the same units."""

    stage = Stage.NORMALIZED

    def __call__(self, batch: WindowBatch) -> WindowBatch:
        if batch.video_normalizer is None:
            return batch
        video = batch.video
        if self.landmark_noise:
            video = video + self.landmark_noise * torch.randn_like(video)
        if self.landmark_offset:
            video = video + self.landmark_offset * torch.randn_like(video[:, :1])
        return replace(batch, video=video)
