"""A face that is away for a moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from emolive.cli.config import Range
from emolive.plugins import AUGMENTATIONS
from training.augment.base import Stage, WindowAugmentation, WindowBatch
from training.augment.spans import random_spans


@AUGMENTATIONS.register("missing_bins", title="spans without a face")
@dataclass(frozen=True)
class MissingBins(WindowAugmentation):
    """Removes the face from one span of bins, as when a speaker turns away."""

    missing_bins: Annotated[int, Range(0, 240)] = 2
    """Longest span of bins without a face."""

    stage = Stage.NORMALIZED

    def __call__(self, batch: WindowBatch) -> WindowBatch:
        spans = random_spans(len(batch), batch.video.shape[1], self.missing_bins)
        return replace(batch, video_present=batch.video_present & ~spans)
