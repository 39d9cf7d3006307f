"""A plug-in with an augmentation: hum of the power line in the lowest bands.

    emolive-train --plugin examples/plugin_augmentation.py --hum-prob 0.2 --annotation_path annotations.csv

The fields of the class are options of the command, with their ranges and help texts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import torch

from emolive.cli.config import Range
from emolive.plugins import AUGMENTATIONS
from training.augment.base import Stage, WindowAugmentation, WindowBatch

HUM_BANDS = 3


@AUGMENTATIONS.register("hum", title="power line hum")
@dataclass(frozen=True)
class Hum(WindowAugmentation):
    """Raises the lowest bands of a share of the clips to a constant level."""

    hum_prob: Annotated[float, Range(0, 1)] = 0.1
    """Share of clips with hum, for features that are band levels."""
    hum_db: Annotated[float, Range(-120, 0)] = -50.0
    """Level of the hum in dB."""

    stage = Stage.FEATURES

    def __call__(self, batch: WindowBatch) -> WindowBatch:
        if not self.hum_prob or not batch.spec.audio.encoder.has_band_levels:
            return batch
        has_hum = torch.rand(len(batch), 1, 1) < self.hum_prob
        audio = batch.audio.clone()
        low = audio[..., :HUM_BANDS]
        audio[..., :HUM_BANDS] = torch.where(has_hum, low.clamp_min(self.hum_db), low)
        return replace(batch, audio=audio)
