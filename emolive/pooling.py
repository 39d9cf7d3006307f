"""How the evidence of 3.6 s becomes a model's input: one definition for live, files and training.

A window ends at one instant. Its bins and its sound end there too, so that face and voice never slip
apart.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from emolive.clock import to_ns
from emolive.types import BoolArray, FloatArray, Pooling, StampArray


def pool(
    stamps_ns: StampArray,
    vectors: FloatArray,
    present: BoolArray,
    end_ns: int,
    *,
    window_s: float,
    bins: int,
    pooling: Pooling,
) -> tuple[FloatArray, BoolArray]:
    """One vector for each of a window's equal bins.

    A bin reaches from its start, exclusive, to its end, inclusive, so that a frame stamped with the
    window's end is in it and one stamped with its start is not.

    Args:
        stamps_ns: (n,) when each frame was captured, not decreasing.
        vectors: (n, D); rows of frames without a face are not looked at.
        present: (n,) False where a frame had no face.
        end_ns: when the window ends.
        window_s: its length.
        bins: how many bins it has.
        pooling: "middle" takes the vector nearest to the bin's middle; "mean" the mean of its
            vectors and, behind it, their standard deviation (0 for a single one).

    Returns:
        (bins, D) or, for "mean", (bins, 2 D), zero where a bin is missing; and (bins,) which are there.
    """
    width = vectors.shape[1] if vectors.ndim == 2 else 0
    pooled = np.zeros((bins, width * (2 if pooling == "mean" else 1)), np.float32)
    there = np.zeros(bins, np.bool_)
    edges = end_ns + _edges(window_s, bins)
    which = np.searchsorted(edges, stamps_ns, side="left") - 1
    rows = np.flatnonzero(present & (which >= 0) & (which < bins))
    if not len(rows):
        return pooled, there
    which = which[rows]
    per_bin = np.bincount(which, minlength=bins)
    there = per_bin > 0
    count = per_bin[there]
    first = np.cumsum(count) - count
    if pooling == "mean":
        known, of = vectors[rows], count[:, None].astype(np.float32)
        mean = np.add.reduceat(known, first) / of
        apart = (known - np.repeat(mean, count, axis=0)) ** 2
        pooled[there, :width] = mean
        pooled[there, width:] = np.sqrt(np.add.reduceat(apart, first) / of)
    else:
        off = np.abs(stamps_ns[rows] - (edges[which] + edges[which + 1]) // 2)
        nearest = [
            rows[start + np.argmin(off[start : start + n])] for start, n in zip(first, count, strict=True)
        ]
        pooled[there] = vectors[nearest]
    return pooled, there


@lru_cache(maxsize=16)
def _edges(window_s: float, bins: int) -> StampArray:
    """(bins + 1,) of a window that ends at 0."""
    return np.array([to_ns(window_s * i / bins) - to_ns(window_s) for i in range(bins + 1)], np.int64)
