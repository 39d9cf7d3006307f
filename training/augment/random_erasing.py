"""Something in front of the face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from emolive.cli.config import Range
from emolive.plugins import AUGMENTATIONS
from training.augment.base import ImageAugmentation
from training.augment.draws import uniform

MIN_SIDE, MAX_SIDE = 0.1, 0.45
"""Sides of the rectangle as shares of the crop's."""


@AUGMENTATIONS.register("random_erasing", title="rectangles over face crops")
@dataclass(frozen=True)
class RandomErasing(ImageAugmentation):
    """Covers a share of the crops with a rectangle of one gray (Zhong et al. 2020)."""

    occlusion: Annotated[float, Range(0, 1)] = 0.2
    """Share of crops with a rectangle in front of the face."""

    @property
    def is_active(self) -> bool:
        return bool(self.occlusion)

    def draw(self, n: int) -> dict[str, Tensor]:
        sides = [uniform(n, MIN_SIDE, MAX_SIDE) for _ in range(2)]
        starts = [torch.rand(n) * (1 - side) for side in sides]
        edges = [edge for start, side in zip(starts, sides, strict=True) for edge in (start, start + side)]
        return {
            "covered": torch.rand(n) < self.occlusion,
            "gray": torch.rand(n),
            "box": torch.stack(edges, 1),
        }

    def apply(self, images: Tensor, params: dict[str, Tensor], size: int) -> Tensor:
        if not params["covered"].any():
            return images
        place = (torch.arange(images.shape[-1], device=images.device) + 0.5) / images.shape[-1]
        top, bottom, left, right = (edge[:, None] for edge in params["box"].T)
        rows, columns = (place >= top) & (place < bottom), (place >= left) & (place < right)
        inside = rows[:, :, None] & columns[:, None, :] & params["covered"][:, None, None]
        return torch.where(inside[:, None], params["gray"].view(-1, 1, 1, 1), images)
