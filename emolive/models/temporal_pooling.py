"""Pooling of a stream over time: (B, C, T) → one vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_EPSILON = 1e-4
_AGE_BIAS = (8.0, 1.0)
"""Initial preference of each head for new steps: the first begins with about the newest half second."""


class MeanPooling(nn.Module):
    """The mean over time, as published."""

    @staticmethod
    def width(channels: int) -> int:
        """Length of the result for a stream of so many channels."""
        return channels

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """(B, C, T) → (B, C)"""
        return x.mean(dim=-1)


class StatisticsPooling(nn.Module):
    """The mean over time, then the standard deviation (Snyder et al., "X-vectors", ICASSP 2018)."""

    @staticmethod
    def width(channels: int) -> int:
        """Length of the result for a stream of so many channels."""
        return 2 * channels

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """(B, C, T) → (B, 2 C)"""
        return torch.cat([x.mean(dim=-1), (x.var(dim=-1, correction=0) + _EPSILON).sqrt()], dim=-1)


class AttentiveStatisticsPooling(nn.Module):
    """Weighted mean and standard deviation over time; the weights depend on content and age.

    Attentive statistics pooling (Okabe, Koshinaka and Shinoda, Interspeech 2018) with a learned bias for the
    age of a step: in a stream, the newest steps show what is expressed now, and older ones may show what was
    before. Absent steps have no weight.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.score = nn.Conv1d(channels, len(_AGE_BIAS), 1)
        self.age = nn.Parameter(torch.tensor(_AGE_BIAS))

    @staticmethod
    def width(channels: int) -> int:
        """Length of the result for a stream of so many channels."""
        return 2 * len(_AGE_BIAS) * channels

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """(B, C, T) → (B, 2 heads C); `present` is (B, T'), of the stream's input."""
        length = x.shape[-1]
        recorded = _any_in_parts(present, length)[:, None]
        newest_first = torch.arange(length - 1, -1, -1, dtype=x.dtype, device=x.device) / length
        scores = self.score(x) - self.age[:, None] * newest_first
        weights = scores.masked_fill(~recorded, -1e4).softmax(dim=-1)
        rows = x.transpose(1, 2)
        mean = weights @ rows
        variance = (weights @ rows**2 - mean**2).clamp_min(0)
        return torch.cat([mean, (variance + _EPSILON).sqrt()], dim=-1).flatten(1)


def _any_in_parts(flags: Tensor, n: int) -> Tensor:
    """(B, T) bool → (B, n): whether any flag is set in each of `n` equal parts, which may share a step.

    The same as adaptive max pooling, for which ONNX has no operator.
    """
    length = flags.shape[1]
    part = torch.arange(n, device=flags.device)
    starts, ends = part * length // n, ((part + 1) * length + n - 1) // n
    counts = F.pad(flags.to(torch.float32).cumsum(dim=1), (1, 0))
    return counts.index_select(1, ends) > counts.index_select(1, starts)


def present_steps(x: Tensor) -> Tensor:
    """(B, C, T) inputs of a network → (B, T) bool: the steps that are not zero in every channel."""
    return x.abs().amax(dim=1) > 0
