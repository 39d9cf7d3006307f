"""Masks over time and over bands of the audio features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from emolive.cli.config import Range
from emolive.plugins import AUGMENTATIONS
from training.augment.base import Stage, WindowAugmentation, WindowBatch
from training.augment.spans import random_spans


@AUGMENTATIONS.register("spec_augment", title="SpecAugment")
@dataclass(frozen=True)
class SpecAugment(WindowAugmentation):
    """Masks one span of time steps and one of bands (Park et al. 2019, sec. 2, without time warping)."""

    masked_bands: Annotated[int, Range(0, 128)] = 12
    """Widest mask over bands."""
    masked_steps: Annotated[int, Range(0, 1000)] = 24
    """Longest mask over time steps; at most a quarter of the window."""

    stage = Stage.NORMALIZED

    def __call__(self, batch: WindowBatch) -> WindowBatch:
        n, steps, bands = batch.audio.shape
        masked = batch.audio_masked | random_spans(n, steps, min(self.masked_steps, steps // 4))
        audio = batch.audio * ~random_spans(n, bands, self.masked_bands)[:, None]
        return replace(batch, audio=audio, audio_masked=masked)
