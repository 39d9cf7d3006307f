"""Another head pose and another build of the face."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import torch
from torch import Tensor

from emolive.cli.config import Range
from emolive.plugins import AUGMENTATIONS
from emolive.vision.encoders.landmarks import POINTS, LandmarkEncoder
from training.augment.base import Stage, WindowAugmentation, WindowBatch
from training.encoder_traits import has_landmark_coordinates


@AUGMENTATIONS.register("landmark_affine", title="linear maps of the landmarks")
@dataclass(frozen=True)
class LandmarkAffine(WindowAugmentation):
    """Maps the landmarks of a clip, and the speaker's own mean, by a linear map of the plane."""

    landmark_affine: Annotated[float, Range(0, 1)] = 0.075
    """Standard deviation of a map's entries around the identity."""

    stage = Stage.FEATURES

    def __call__(self, batch: WindowBatch) -> WindowBatch:
        normalizer = batch.video_normalizer
        if not self.landmark_affine or normalizer is None or not has_landmark_coordinates(batch.spec):
            return batch
        maps = torch.eye(2) + self.landmark_affine * torch.randn(len(batch), 2, 2)
        return replace(
            batch,
            video=map_landmarks(batch.video, maps),
            video_normalizer=normalizer.map_own_shift(lambda shift: map_landmarks(shift, maps)),
        )


def map_landmarks(features: Tensor, maps: Tensor) -> Tensor:
    """(B, T, D) features that begin with landmarks, mapped by (B, 2, 2).

    The standard deviations within a bin, which follow the means, stay: a map near the identity changes them
    by less than they differ from bin to bin.
    """
    n = LandmarkEncoder.dim
    points = torch.unflatten(features[..., :n], -1, (POINTS, 2))
    mapped = torch.einsum("btpc,bdc->btpd", points, maps).flatten(-2)
    return torch.cat([mapped, features[..., n:]], dim=-1)
