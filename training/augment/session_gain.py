"""Another microphone or distance for a whole session."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import torch

from emolive.cli.config import Range
from emolive.plugins import AUGMENTATIONS
from training.augment.base import Stage, WindowAugmentation, WindowBatch

MAX_DB = 30.0


@AUGMENTATIONS.register("session_gain", title="random gain of a session")
@dataclass(frozen=True)
class SessionGain(WindowAugmentation):
    """Adds a level to a window and to all that was measured of its speaker; only to levels of bands.

    What is left to learn from the level is how far it lies from the speaker's own.
    """

    session_gain_db: Annotated[float, Range(0, 60)] = 12.0
    """Standard deviation of a session's gain in dB, for features that are band levels."""

    stage = Stage.VIEW

    def __call__(self, batch: WindowBatch) -> WindowBatch:
        if not self.session_gain_db or not batch.spec.audio.encoder.has_band_levels:
            return batch
        gain_db = (self.session_gain_db * torch.randn(len(batch))).clamp(-MAX_DB, MAX_DB)
        audio = (batch.audio + gain_db[:, None, None]).clamp_min(batch.spec.audio.floor_db)
        return replace(batch, audio=audio, audio_offset=gain_db.numpy().astype(np.float64))
