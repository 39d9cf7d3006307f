"""Another light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from torch import Tensor

from emolive.cli.config import Range
from emolive.plugins import AUGMENTATIONS
from training.augment.base import ImageAugmentation
from training.augment.draws import uniform


@AUGMENTATIONS.register("color_jitter", title="contrast, brightness and tint of face crops")
@dataclass(frozen=True)
class ColorJitter(ImageAugmentation):
    """Changes the contrast and brightness of a crop and, in a colour image, each channel's gain."""

    contrast: Annotated[float, Range(0, 1)] = 0.3
    """Largest relative change of a crop's contrast."""
    brightness: Annotated[float, Range(0, 1)] = 0.2
    """Largest change of a crop's brightness as a share of the full range."""
    tint: Annotated[float, Range(0, 1)] = 0.1
    """Largest relative change of each channel of a colour crop."""

    @property
    def is_active(self) -> bool:
        return bool(self.contrast or self.brightness or self.tint)

    def draw(self, n: int) -> dict[str, Tensor]:
        return {
            "contrast": uniform(n, 1 - self.contrast, 1 + self.contrast),
            "brightness": uniform(n, -self.brightness, self.brightness),
            "tint": uniform(3 * n, 1 - self.tint, 1 + self.tint).view(n, 3),
        }

    def apply(self, images: Tensor, params: dict[str, Tensor], size: int) -> Tensor:
        contrast, brightness = (params[name].view(-1, 1, 1, 1) for name in ("contrast", "brightness"))
        middle = images.mean(dim=(1, 2, 3), keepdim=True)
        images = (images - middle) * contrast + middle + brightness
        if images.shape[1] == 3:
            images = images * params["tint"].view(-1, 3, 1, 1)
        return images.clamp(0, 1)
