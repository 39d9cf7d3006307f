"""Normalization of pixels as a backbone expects them."""

from __future__ import annotations

import torch
from torch import Tensor

from emolive.models.input_spec import PixelSpec


def prepare_pixels(x: Tensor, pixels: PixelSpec) -> Tensor:
    """(n, 3, S, S) BGR in 0..1 → the backbone's input, in its order of channels."""
    return normalize_pixels(x.flip(1) if pixels.order == "RGB" else x, pixels)


def normalize_pixels(x: Tensor, pixels: PixelSpec) -> Tensor:
    """(n, 3, S, S) in 0..1 in the backbone's order of channels → its input, channels last for speed."""
    mean = torch.tensor(pixels.mean, device=x.device).view(3, 1, 1)
    std = torch.tensor(pixels.std, device=x.device).view(3, 1, 1)
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


def mixup(x: Tensor, targets: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """(n, ...) inputs and (n, classes) targets, mixed with those of other samples (Zhang et al. 2018)."""
    if not alpha:
        return x, targets
    share = torch.distributions.Beta(alpha, alpha).sample().to(x.device)
    other = torch.randperm(len(x), device=x.device)
    return share * x + (1 - share) * x[other], share * targets + (1 - share) * targets[other]
