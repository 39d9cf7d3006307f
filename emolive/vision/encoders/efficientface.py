"""The EfficientFace backbone as a frame encoder: a face crop in, 1024 values out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from emolive.errors import ConfigError
from emolive.types import FloatArray
from emolive.vision.encoders.base import Backbone, CropInput, FrameEncoder

if TYPE_CHECKING:
    from torch import nn

    from emolive.models.input_spec import PixelSpec
    from emolive.models.spec import ModelSpec


class EfficientFaceEncoder(FrameEncoder):
    """Encodes face crops by a model's own backbone; see `emolive.models.efficientface.EfficientFace`.

    Args:
        pixels: how a crop is prepared.
        backbone: the network.
    """

    name = "efficientface"
    dim = 1024
    learned = True
    pooling: ClassVar[Literal["middle", "mean"]] = "middle"

    def __init__(self, pixels: PixelSpec, backbone: Backbone) -> None:
        import torch

        self._input = CropInput(pixels.size, pixels.order)
        self._backbone = backbone
        # (x / 255 - mean) / std as one product and one sum.
        std = torch.tensor(pixels.std, device=backbone.device).view(3, 1, 1)
        self._shift = -torch.tensor(pixels.mean, device=backbone.device).view(3, 1, 1) / std
        self._scale = 1 / (255 * std)

    @property
    def input(self) -> CropInput:
        return self._input

    def __call__(self, batch: NDArray[Any]) -> FloatArray:
        """(n, S, S, 3) uint8 → (n, 1024) float32."""
        import torch

        with torch.inference_mode():
            planes = torch.from_numpy(batch).to(self._backbone.device).permute(0, 3, 1, 2)
            x = planes.to(torch.float32, memory_format=torch.contiguous_format)
            x = x.mul_(self._scale).add_(self._shift)
            return np.asarray(self._backbone.encode(x).numpy(), np.float32)

    @classmethod
    def from_spec(cls, spec: ModelSpec, backbone: Backbone | None = None) -> Self:
        if backbone is None:
            raise ConfigError(
                f"The frame encoder {cls.name} needs a model's weights: load a checkpoint first."
            )
        return cls(spec.pixels, backbone)

    @classmethod
    def fingerprint_of(cls, spec: ModelSpec, weights: str | None = None) -> str:
        if weights is None:
            raise ValueError(f"the fingerprint of {cls.name} needs the digest of its weights")
        pixels = spec.pixels
        scaling = ",".join(f"{value:.9g}" for value in (*pixels.mean, *pixels.std))
        return f"{cls.name}:{weights[:16]} {pixels.size}px {pixels.order} [{scaling}]"

    @classmethod
    def build_network(cls) -> nn.Module:
        from emolive.models.efficientface import EfficientFace

        return EfficientFace()
