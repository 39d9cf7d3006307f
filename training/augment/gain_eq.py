"""Another microphone and another room."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import torch

from emolive.cli.config import Range
from emolive.plugins import AUGMENTATIONS
from training.augment.base import Stage, WindowAugmentation, WindowBatch


@AUGMENTATIONS.register("gain_eq", title="random gain and equalisation")
@dataclass(frozen=True)
class RandomGainEq(WindowAugmentation):
    """Adds a random level to a clip, and another to each of its bands; only to levels of bands."""

    gain_db: Annotated[float, Range(0, 60)] = 2.0
    """Standard deviation of a clip's gain in dB."""
    eq_db: Annotated[float, Range(0, 60)] = 2.0
    """Standard deviation of each band's gain in dB."""

    stage = Stage.FEATURES

    def __call__(self, batch: WindowBatch) -> WindowBatch:
        if not batch.spec.audio.encoder.has_band_levels:
            return batch
        audio = batch.audio
        if self.gain_db:
            audio = audio + self.gain_db * torch.randn_like(audio[:, :1, :1])
        if self.eq_db:
            audio = audio + self.eq_db * torch.randn_like(audio[:, :1])
        return replace(batch, audio=audio)
