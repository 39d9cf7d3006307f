"""Another position of the head in the crop."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional as F

from emolive.cli.config import Range
from emolive.plugins import AUGMENTATIONS
from training.augment.base import ImageAugmentation
from training.augment.draws import uniform


@AUGMENTATIONS.register("crop_affine", title="flip, rotation, scale and shift of face crops")
@dataclass(frozen=True)
class CropAffine(ImageAugmentation):
    """Mirrors, rotates, scales and shifts a crop in one resampling; pixels outside repeat the edge."""

    flip: Annotated[float, Range(0, 1)] = 0.5
    """Share of mirrored faces."""
    rotation: Annotated[float, Range(0, 180)] = 10.0
    """Largest rotation of a crop in degrees."""
    scale: Annotated[float, Range(0, 0.9)] = 0.1
    """Largest relative change of a crop's size."""
    shift: Annotated[float, Range(0, 0.5)] = 0.05
    """Largest shift as a share of a crop's side, as a detector's box trembles."""

    @property
    def is_active(self) -> bool:
        return bool(self.flip or self.rotation or self.scale or self.shift)

    def draw(self, n: int) -> dict[str, Tensor]:
        angle = uniform(n, -self.rotation, self.rotation) * pi / 180
        zoom = 1 / uniform(n, 1 - self.scale, 1 + self.scale)
        sign = torch.where(torch.rand(n) < self.flip, -1.0, 1.0)
        # The grid of the resampling runs from -1 to 1, over twice the unit of the shift.
        x, y = (uniform(n, -2 * self.shift, 2 * self.shift) for _ in range(2))
        cos, sin = zoom * angle.cos(), zoom * angle.sin()
        rows = (torch.stack([cos * sign, -sin, x], 1), torch.stack([sin * sign, cos, y], 1))
        return {"affine": torch.stack(rows, 1)}

    def apply(self, images: Tensor, params: dict[str, Tensor], size: int) -> Tensor:
        grid = F.affine_grid(params["affine"], [*images.shape[:2], size, size], align_corners=False)
        return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
