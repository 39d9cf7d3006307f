"""Mixup."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import torch

from emolive.cli.config import Range
from emolive.plugins import AUGMENTATIONS
from training.augment.base import Stage, WindowAugmentation, WindowBatch


@AUGMENTATIONS.register("mixup", title="mixup")
@dataclass(frozen=True)
class Mixup(WindowAugmentation):
    """Mixes the inputs and targets of each sample with those of another (Zhang et al. 2018).

    One coefficient for the batch, and one partner for both streams of a sample.
    """

    mixup: Annotated[float, Range(0, 100)] = 0.0
    """Alpha of the Beta distribution of the coefficient; 0 = off."""

    stage = Stage.INPUTS

    def __call__(self, batch: WindowBatch) -> WindowBatch:
        if not self.mixup or len(batch) < 2:
            return batch
        share = float(torch.distributions.Beta(self.mixup, self.mixup).sample())
        other = torch.randperm(len(batch))
        mixed = (
            share * values + (1 - share) * values[other]
            for values in (batch.video, batch.audio, batch.target)
        )
        video, audio, target = mixed
        return replace(batch, video=video, audio=audio, target=target)
