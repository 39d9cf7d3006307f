"""`emolive.normalization.Normalizer` over a batch in which each sample has its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emolive.models.spec import ModelSpec
from emolive.normalization import Normalizer


class BatchNormalizer(NamedTuple):
    """Shift, scale and mode of B normalizers of one stream."""

    shift: Tensor
    """(B, 1, D)"""
    scale: Tensor
    """(B, 1, D)"""
    flags: Tensor
    """(B, 1, modes) one-hot mode of each normalizer."""
    is_own: Tensor
    """(B, 1, 1) bool: the statistics are the speaker's own, not those of all speakers."""

    @classmethod
    def stack(cls, normalizers: Sequence[Normalizer], spec: ModelSpec) -> BatchNormalizer:
        """The normalizers of B samples, for a model that knows `spec.baselines`."""
        flags = torch.tensor([[float(n.mode == mode) for mode in spec.baselines] for n in normalizers])
        shift, scale = (
            torch.from_numpy(np.stack([getattr(n, part) for n in normalizers])) for part in ("shift", "scale")
        )
        is_own = torch.tensor([n.mode != "none" for n in normalizers])
        return cls(shift[:, None], scale[:, None], flags[:, None], is_own[:, None, None])

    def map_own_shift(self, change: Callable[[Tensor], Tensor]) -> BatchNormalizer:
        """With `change` (B, 1, D) → (B, 1, D) applied to the shifts that are a speaker's own.

        The change also applies to the speaker's own statistics, not to those of all speakers.
        """
        return self._replace(shift=torch.where(self.is_own, change(self.shift), self.shift))

    def apply(self, rows: Tensor) -> Tensor:
        """(B, T, D) → (B, T, D) relative features."""
        return (rows - self.shift) / self.scale

    def append_flags(self, rows: Tensor) -> Tensor:
        """(B, T, D) → (B, T, D + modes)."""
        return torch.cat([rows, self.flags.expand(-1, rows.shape[1], -1)], dim=2)
