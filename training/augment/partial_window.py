"""A session that has just begun."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import torch
from torch import Tensor

from emolive.cli.config import Arg, Range
from emolive.plugins import AUGMENTATIONS
from training.augment.base import Stage, WindowAugmentation, WindowBatch

MAX_ONSET = 2 / 3
"""Maximum share of a window that lies before the session began."""


@AUGMENTATIONS.register("partial_window", title="windows of a session that has just begun")
@dataclass(frozen=True)
class PartialWindow(WindowAugmentation):
    """Removes everything before a random onset, as in the first seconds of a live session."""

    partial_window_prob: Annotated[float, Range(0, 1), Arg(aliases=("late",))] = 0.05
    """Share of windows of which the beginning is missing."""

    stage = Stage.NORMALIZED

    def __call__(self, batch: WindowBatch) -> WindowBatch:
        n = len(batch)
        chosen = torch.rand(n) < self.partial_window_prob
        onset = torch.where(chosen, MAX_ONSET * torch.rand(n), torch.zeros(n))
        return replace(
            batch,
            video_present=batch.video_present & after_onset(onset, batch.video.shape[1]),
            audio_present=batch.audio_present & after_onset(onset, batch.audio.shape[1]),
        )


def after_onset(onset: Tensor, length: int) -> Tensor:
    """(B,) onsets as shares of a window → (B, length) bool: the places behind them."""
    return torch.arange(length) >= (onset * length)[:, None]
