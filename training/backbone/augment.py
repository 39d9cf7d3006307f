"""Other views of the same faces, made on a whole batch at once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import pi

import torch
from torch import Tensor
from torch.nn import functional as F

from emolive.models.spec import PixelSpec


@dataclass(frozen=True, slots=True)
class AugmentConfig:
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


NONE = AugmentConfig(0, 0, 0, 0, 0, 0, 0, 0)
LARGEST = 0.45
"""Longest side of a rectangle, of the picture's."""


@dataclass(frozen=True, slots=True)
class Views:
    """How each of n faces is seen; (n,) each but for the last two."""

    angle: Tensor
    """Radians."""
    zoom: Tensor
    """Size of what is looked at, of the picture's."""
    mirrored: Tensor
    """-1 or 1."""
    across: Tensor
    """Of half the side."""
    down: Tensor
    contrast: Tensor
    brightness: Tensor
    gray: Tensor
    """Of the rectangle."""
    covered: Tensor
    """bool: whether there is one."""
    box: Tensor
    """(n, 4) the rectangle's first row, last row, first column, last column, of the side."""
    tint: Tensor
    """(n, 3)"""

    def of(self, rows: Tensor) -> Views:
        """Those at some indices; an index may come often, as for the frames of one window."""
        return Views(*(getattr(self, f.name)[rows] for f in fields(self)))


def _between(n: int, low: float, high: float) -> Tensor:
    """(n,) evenly from low to high."""
    return low + (high - low) * torch.rand(n)


def views(n: int, strengths: AugmentConfig) -> Views | None:
    """Draw how n faces are seen, on the CPU whatever the device; None if none of them changes."""
    if strengths == NONE:
        return None
    angle = _between(n, -strengths.rotation, strengths.rotation) * pi / 180
    zoom = 1 / _between(n, 1 - strengths.scale, 1 + strengths.scale)
    mirrored = torch.where(torch.rand(n) < strengths.flip, -1.0, 1.0)
    across, down = (_between(n, -2 * strengths.shift, 2 * strengths.shift) for _ in range(2))
    contrast = _between(n, 1 - strengths.contrast, 1 + strengths.contrast)
    brightness = _between(n, -strengths.brightness, strengths.brightness)
    tint = _between(3 * n, 1 - strengths.tint, 1 + strengths.tint).view(n, 3)
    sides = [_between(n, 0.1, LARGEST) for _ in range(2)]
    starts = [torch.rand(n) * (1 - side) for side in sides]
    box = [edge for start, side in zip(starts, sides, strict=True) for edge in (start, start + side)]
    covered = torch.rand(n) < strengths.occlusion
    gray = torch.rand(n)
    return Views(
        angle, zoom, mirrored, across, down, contrast, brightness, gray, covered, torch.stack(box, 1), tint
    )


def to_pixels(images: Tensor, size: int, seen: Views | None = None) -> Tensor:
    """(B, S, S) gray or (B, S, S, 3) uint8 → (B, 3, size, size) in 0..1, seen from elsewhere."""
    x = (images[..., None] if images.ndim == 3 else images).permute(0, 3, 1, 2).float() / 255
    if seen is None:
        if x.shape[-1] != size:
            x = F.interpolate(x, (size, size), mode="bilinear", antialias=x.shape[-1] > size)
        return x.expand(-1, 3, -1, -1)
    seen = Views(*(getattr(seen, f.name).to(x.device) for f in fields(seen)))
    return _covered(_lit(_moved(x, size, seen), seen), seen).expand(-1, 3, -1, -1)


def _moved(x: Tensor, size: int, seen: Views) -> Tensor:
    """Mirrored, turned, scaled and shifted in one sampling; the picture's edge goes on outside."""
    cos, sin = seen.zoom * seen.angle.cos(), seen.zoom * seen.angle.sin()
    rows = (
        torch.stack([cos * seen.mirrored, -sin, seen.across], 1),
        torch.stack([sin * seen.mirrored, cos, seen.down], 1),
    )
    grid = F.affine_grid(torch.stack(rows, 1), [*x.shape[:2], size, size], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _lit(x: Tensor, seen: Views) -> Tensor:
    n = len(x)
    middle = x.mean(dim=(1, 2, 3), keepdim=True)
    x = (x - middle) * seen.contrast.view(n, 1, 1, 1) + middle + seen.brightness.view(n, 1, 1, 1)
    if x.shape[1] == 3:
        x = x * seen.tint.view(n, 3, 1, 1)
    return x.clamp(0, 1)


def _covered(x: Tensor, seen: Views) -> Tensor:
    """A rectangle of one gray over some of the faces."""
    if not seen.covered.any():
        return x
    place = (torch.arange(x.shape[-1], device=x.device) + 0.5) / x.shape[-1]
    top, bottom, left, right = (edge[:, None] for edge in seen.box.T)
    down, across = (place >= top) & (place < bottom), (place >= left) & (place < right)
    inside = down[:, :, None] & across[:, None, :] & seen.covered[:, None, None]
    return torch.where(inside[:, None], seen.gray.view(-1, 1, 1, 1), x)


def prepared(x: Tensor, pixels: PixelSpec) -> Tensor:
    """(B, 3, S, S) BGR in 0..1 → the trunk's input as `pixels` says, in the layout that is fast on a CPU."""
    return normalised(x.flip(1) if pixels.order == "RGB" else x, pixels)


def normalised(x: Tensor, pixels: PixelSpec) -> Tensor:
    """`prepared`, but for pixels that have the trunk's order of channels already."""
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
