"""Other views of the same faces, made on a whole batch at once."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor
from torch.nn import functional as F

from emolive.models.spec import PixelSpec


@dataclass(frozen=True, slots=True)
class Strengths:
    """How much of each; 0 is none of it."""

    flip: float = 0.5
    """Share of faces that are mirrored."""
    shift: float = 0.08
    """At most so much of the side, in each direction: a detector's box trembles."""
    rotation: float = 15.0
    """At most so many degrees."""
    scale: float = 0.15
    """At most so much larger or smaller."""
    brightness: float = 0.2
    """At most so much of the full range is added."""
    contrast: float = 0.3
    """At most so much more or less."""
    tint: float = 0.1
    """At most so much more or less of each channel, in colour pictures: other lamps."""
    occlusion: float = 0.3
    """Share of faces with a rectangle before them (random erasing, Zhong et al. 2020)."""
    mixup: float = 0.0
    """Of Beta(a, a) (Zhang et al. 2018)."""


NONE = Strengths(0, 0, 0, 0, 0, 0, 0, 0, 0)
LARGEST = 0.45
"""Longest side of a rectangle, of the picture's."""


def _between(n: int, low: float, high: float, like: Tensor) -> Tensor:
    """(n,) evenly from low to high."""
    return low + (high - low) * torch.rand(n, device=like.device)


def to_pixels(images: Tensor, size: int, strengths: Strengths = NONE) -> Tensor:
    """(B, S, S) gray or (B, S, S, 3) BGR uint8 → (B, 3, size, size) in 0..1, seen from elsewhere."""
    x = (images[..., None] if images.ndim == 3 else images).permute(0, 3, 1, 2).float() / 255
    if strengths == NONE:
        if x.shape[-1] != size:
            x = F.interpolate(x, (size, size), mode="bilinear", antialias=x.shape[-1] > size)
        return x.expand(-1, 3, -1, -1)
    x = _moved(x, size, strengths)
    x = _lit(x, strengths)
    return _covered(x, strengths).expand(-1, 3, -1, -1)


def _moved(x: Tensor, size: int, strengths: Strengths) -> Tensor:
    """Mirrored, turned, scaled and shifted in one sampling; the picture's edge goes on outside."""
    n = len(x)
    angle = _between(n, -strengths.rotation, strengths.rotation, x) * pi / 180
    scale = 1 / _between(n, 1 - strengths.scale, 1 + strengths.scale, x)
    mirrored = torch.where(torch.rand(n, device=x.device) < strengths.flip, -1.0, 1.0)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    across, down = (_between(n, -2 * strengths.shift, 2 * strengths.shift, x) for _ in range(2))
    rows = torch.stack([cos * mirrored, -sin, across], 1), torch.stack([sin * mirrored, cos, down], 1)
    grid = F.affine_grid(torch.stack(rows, 1), [n, x.shape[1], size, size], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _lit(x: Tensor, strengths: Strengths) -> Tensor:
    n = len(x)
    contrast = _between(n, 1 - strengths.contrast, 1 + strengths.contrast, x).view(n, 1, 1, 1)
    brightness = _between(n, -strengths.brightness, strengths.brightness, x).view(n, 1, 1, 1)
    middle = x.mean(dim=(1, 2, 3), keepdim=True)
    x = (x - middle) * contrast + middle + brightness
    if strengths.tint and x.shape[1] == 3:
        x = x * _between(3 * n, 1 - strengths.tint, 1 + strengths.tint, x).view(n, 3, 1, 1)
    return x.clamp(0, 1)


def _covered(x: Tensor, strengths: Strengths) -> Tensor:
    """A rectangle of one gray over some of the faces."""
    if not strengths.occlusion:
        return x
    n, size = len(x), x.shape[-1]
    place = (torch.arange(size, device=x.device) + 0.5) / size

    def span() -> Tensor:
        side, start = _between(n, 0.1, LARGEST, x), torch.rand(n, device=x.device)
        low = (start * (1 - side))[:, None]
        return (place >= low) & (place < low + side[:, None])

    covered = span()[:, :, None] & span()[:, None, :]
    covered &= (torch.rand(n, device=x.device) < strengths.occlusion)[:, None, None]
    gray = torch.rand(n, device=x.device).view(n, 1, 1, 1)
    return torch.where(covered[:, None], gray, x)


def prepared(x: Tensor, pixels: PixelSpec) -> Tensor:
    """(B, 3, S, S) BGR in 0..1 → the trunk's input as `pixels` says, in the layout that is fast on a CPU."""
    if pixels.order == "RGB":
        x = x.flip(1)
    mean = torch.tensor(pixels.mean, device=x.device).view(3, 1, 1)
    std = torch.tensor(pixels.std, device=x.device).view(3, 1, 1)
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


def mixed(x: Tensor, targets: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """A batch with a share of another of its faces in each (mixup), and its targets alike."""
    if not alpha:
        return x, targets
    share = torch.distributions.Beta(alpha, alpha).sample().to(x.device)
    other = torch.randperm(len(x), device=x.device)
    return share * x + (1 - share) * x[other], share * targets + (1 - share) * targets[other]
