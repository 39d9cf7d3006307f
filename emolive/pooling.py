"""Temporal pooling: feature vectors of video frames to one vector per bin of a window."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from emolive.clock import to_ns
from emolive.types import BoolArray, FloatArray, Pooling, StampArray


def pool_bins(
    stamps_ns: StampArray,
    vectors: FloatArray,
    present: BoolArray,
    end_ns: int,
    *,
    window_s: float,
    n_bins: int,
    pooling: Pooling,
) -> tuple[FloatArray, BoolArray]:
    """Pool the frames of a window into equal bins.

    A bin excludes its start and includes its end: a frame stamped with the window's end belongs to the
    window, one stamped with its start does not.

    Args:
        stamps_ns: (n,) capture time of each frame, not decreasing.
        vectors: (n, D); rows without a face are ignored.
        present: (n,) which frames have a face.
        end_ns: when the window ends.
        window_s: its length.
        n_bins: number of bins.
        pooling: "middle" selects the vector nearest to the bin's middle; "mean" is the mean of its vectors,
            followed by their standard deviation (0 for a single one).

    Returns:
        (n_bins, D) or, for "mean", (n_bins, 2 D), zero where a bin is empty; and (n_bins,) which are not.
    """
    dim = vectors.shape[1] if vectors.ndim == 2 else 0
    pooled = np.zeros((n_bins, dim * (2 if pooling == "mean" else 1)), np.float32)
    filled = np.zeros(n_bins, np.bool_)
    edges = end_ns + _edges(window_s, n_bins)
    bin_of = np.searchsorted(edges, stamps_ns, side="left") - 1
    rows = np.flatnonzero(present & (bin_of >= 0) & (bin_of < n_bins))
    if not len(rows):
        return pooled, filled
    bin_of = bin_of[rows]
    per_bin = np.bincount(bin_of, minlength=n_bins)
    filled = per_bin > 0
    counts = per_bin[filled]
    first = np.cumsum(counts) - counts
    if pooling == "mean":
        values, divisors = vectors[rows], counts[:, None].astype(np.float32)
        mean = np.add.reduceat(values, first) / divisors
        deviations = (values - np.repeat(mean, counts, axis=0)) ** 2
        pooled[filled, :dim] = mean
        pooled[filled, dim:] = np.sqrt(np.add.reduceat(deviations, first) / divisors)
    else:
        distance = np.abs(stamps_ns[rows] - (edges[bin_of] + edges[bin_of + 1]) // 2)
        nearest = [
            rows[start + np.argmin(distance[start : start + n])]
            for start, n in zip(first, counts, strict=True)
        ]
        pooled[filled] = vectors[nearest]
    return pooled, filled


@lru_cache(maxsize=16)
def _edges(window_s: float, n_bins: int) -> StampArray:
    """(n_bins + 1,) edges of a window that ends at 0."""
    return np.array([to_ns(window_s * i / n_bins) - to_ns(window_s) for i in range(n_bins + 1)], np.int64)
