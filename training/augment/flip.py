"""Mirrored faces."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import torch

from emolive.cli.config import Range
from emolive.plugins import AUGMENTATIONS
from training.augment.base import Stage, WindowAugmentation, WindowBatch


@AUGMENTATIONS.register("flip", title="mirrored faces")
@dataclass(frozen=True)
class HorizontalFlip(WindowAugmentation):
    """Mirrors the landmarks of a face, and with `WindowBatch.mirrored` the speaker's statistics.

    Crops are mirrored by `training.augment.crop_affine`, which shares the option.
    """

    flip: Annotated[float, Range(0, 1)] = 0.5
    """Share of mirrored faces."""

    stage = Stage.VIEW

    def __call__(self, batch: WindowBatch) -> WindowBatch:
        if batch.mirror is None:
            return batch
        mirrored = batch.rng.random(len(batch)) < self.flip
        order, sign = batch.mirror
        rows = torch.from_numpy(mirrored)[:, None, None]
        video = torch.where(rows, batch.video[..., order] * sign, batch.video)
        return replace(batch, video=video, mirrored=mirrored)
