"""Random spans along an axis."""

from __future__ import annotations

import torch
from torch import Tensor


def random_spans(n: int, length: int, longest: int) -> Tensor:
    """(n, length) bool: one span of 0 to `longest` places in each row, anywhere.

    It draws as many numbers at `longest` 0, so that the strength of one mask does not change later draws.
    """
    size = (torch.rand(n, 1) * (min(longest, length) + 1)).floor()
    start = (torch.rand(n, 1) * (length - size + 1)).floor()
    places = torch.arange(length)
    return (places >= start) & (places < start + size)
