"""A steady noise in the background."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log
from typing import Annotated

import torch

from emolive.cli.config import Range
from emolive.plugins import AUGMENTATIONS
from training.augment.base import Stage, WindowAugmentation, WindowBatch

QUIETEST_DB, LOUDEST_DB = -95.0, -65.0
"""Level of the noise in the lowest band, in the range of steady room noise."""
MAX_TILT_DB = 20.0
"""Most by which the noise falls from the lowest to the highest band."""
_NEPER_PER_DB = log(10) / 10


@AUGMENTATIONS.register("background_noise", title="steady background noise")
@dataclass(frozen=True)
class BackgroundNoise(WindowAugmentation):
    """Adds the power of a stationary noise to log-mel features, as in any room but a studio."""

    noise: Annotated[float, Range(0, 1)] = 0.15
    """Share of clips with background noise, for features that are band levels."""

    stage = Stage.FEATURES

    def __call__(self, batch: WindowBatch) -> WindowBatch:
        if not self.noise or not batch.spec.audio.encoder.has_band_levels:
            return batch
        audio = batch.audio
        n, _, bands = audio.shape
        level = QUIETEST_DB + (LOUDEST_DB - QUIETEST_DB) * torch.rand(n, 1, 1)
        level = level - MAX_TILT_DB * torch.rand(n, 1, 1) * torch.linspace(0, 1, bands)
        noisy = torch.rand(n, 1, 1) < self.noise
        total = torch.logaddexp(audio * _NEPER_PER_DB, level * _NEPER_PER_DB) / _NEPER_PER_DB
        return replace(batch, audio=torch.where(noisy, total, audio))
