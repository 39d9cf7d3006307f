"""Random draws that several augmentations use."""

from __future__ import annotations

import torch
from torch import Tensor


def uniform(n: int, low: float, high: float) -> Tensor:
    """(n,) uniform draws from low to high."""
    return low + (high - low) * torch.rand(n)
