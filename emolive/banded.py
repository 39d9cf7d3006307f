"""Products with matrices whose columns are mostly zero: only the rows that some columns want are read."""

from __future__ import annotations

from math import ceil

import torch
from torch import Tensor

COLUMNS = 64
"""At most so many columns go together: more read rows in vain, fewer are more calls."""


class Banded:
    """`x @ matrix`, for a matrix whose neighbouring columns have their values in neighbouring rows.

    Args:
        matrix: (rows, columns).
        columns: how many go into one product at most.
    """

    def __init__(self, matrix: Tensor, columns: int = COLUMNS) -> None:
        self.columns = matrix.shape[1]
        self._parts: list[tuple[slice, slice, Tensor]] = []
        for place in torch.arange(self.columns).tensor_split(ceil(self.columns / columns)):
            written = slice(int(place[0]), int(place[-1]) + 1)
            rows = matrix[:, written].any(dim=1).nonzero()
            read = slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0)
            self._parts.append((read, written, matrix[read, written].contiguous()))

    def __call__(self, x: Tensor) -> Tensor:
        """(n, rows) → (n, columns); `x` may be a view whose rows overlap, and has no gradient."""
        out = x.new_empty(len(x), self.columns)
        for read, written, part in self._parts:
            torch.mm(x[:, read], part, out=out[:, written])
        return out
