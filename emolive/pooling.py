"""Temporal pooling: feature vectors of video frames to one vector per bin of a window."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from emolive.clock import NS_PER_S, to_ns
from emolive.types import BoolArray, FloatArray, Pooling, StampArray

HOLD_S = 4.0
"""A picture is taken to be still shown for at most this long."""
DEVIATION_PER_STEP = 0.18
"""Deviation within a bin over the change since the frame before and the square root of the seconds between,
as of a random walk. Fitted to the landmarks of RAVDESS at 1 to 7.5 frames a second."""
_RARE_BINS = 2
"""Frames farther apart than this are rare; of others, one that is missing is a fault."""
_SLOW_BINS = 1.1
"""Two steps in a row that are longer than this are those of a source with less than a frame a bin."""


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
            followed by their standard deviation, which is estimated for a single one (`lone_deviations`).

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
        alone = np.flatnonzero(per_bin == 1)
        if len(alone):
            pooled[alone, dim:] = lone_deviations(stamps_ns, vectors, present, rows[first[counts == 1]])
    else:
        distance = np.abs(stamps_ns[rows] - (edges[bin_of] + edges[bin_of + 1]) // 2)
        nearest = [
            rows[start + np.argmin(distance[start : start + n])]
            for start, n in zip(first, counts, strict=True)
        ]
        pooled[filled] = vectors[nearest]
    return pooled, filled


def lone_deviations(
    stamps_ns: StampArray, vectors: FloatArray, present: BoolArray, rows: NDArray[np.intp]
) -> FloatArray:
    """The standard deviation that a bin with one frame would have had with more.

    One frame has none, but a face that is seen rarely does not stand still.

    Args:
        stamps_ns, vectors, present: as for `pool_bins`.
        rows: (k,) frames with a face.

    Returns:
        (k, D), estimated from the last frame with a face before; 0 without one in the last HOLD_S.
    """
    seen = np.flatnonzero(present)
    before = np.searchsorted(seen, rows) - 1
    last = seen[np.maximum(before, 0)]
    steps_s = (stamps_ns[rows] - stamps_ns[last]) / NS_PER_S
    has_previous = (before >= 0) & (steps_s > 0) & (steps_s <= HOLD_S)
    factors = np.where(has_previous, DEVIATION_PER_STEP / np.sqrt(np.where(has_previous, steps_s, 1)), 0)
    return np.asarray(factors[:, None] * np.abs(vectors[rows] - vectors[last]), np.float32)


def held_frames(
    stamps_ns: StampArray, present: BoolArray, end_ns: int, *, window_s: float, n_bins: int
) -> NDArray[np.intp]:
    """Which frame is still shown in each bin without a frame of its own.

    Nothing new is not nothing: a source of one picture a second, or a screen recording of something that
    does not move, shows each picture until the next one. The newest is shown for one and a half times as
    long as the one before it.

    Args:
        stamps_ns, present, end_ns, window_s, n_bins: as for `pool_bins`, with frames from HOLD_S before the
            window.

    Returns:
        (n_bins,) rows of frames with a face; -1 where there is none or the bin has frames.
    """
    rows = np.full(n_bins, -1, np.intp)
    n = len(stamps_ns)
    if n < 2:
        return rows
    steps = np.diff(stamps_ns)
    bin_ns = to_ns(window_s) / n_bins
    is_slow = steps > _SLOW_BINS * bin_ns
    is_rare = (steps > _RARE_BINS * bin_ns) | (is_slow & np.append(False, is_slow[:-1]))
    # The last frame's successor is not known yet.
    lasts, is_rare = np.append(steps, steps[-1] * 3 // 2), np.append(is_rare, is_rare[-1])
    edges = end_ns + _edges(window_s, n_bins)
    before = np.searchsorted(stamps_ns, edges[:-1], side="right") - 1
    until = np.searchsorted(stamps_ns, edges[1:], side="right") - 1
    for i in np.flatnonzero((before == until) & (before >= 0)):
        row = before[i]
        shown_ns = min(int(lasts[row]), to_ns(HOLD_S))
        middle_ns = int(edges[i] + edges[i + 1]) // 2
        if is_rare[row] and present[row] and middle_ns <= stamps_ns[row] + shown_ns:
            rows[i] = row
    return rows


@lru_cache(maxsize=16)
def _edges(window_s: float, n_bins: int) -> StampArray:
    """(n_bins + 1,) edges of a window that ends at 0."""
    return np.array([to_ns(window_s * i / n_bins) - to_ns(window_s) for i in range(n_bins + 1)], np.int64)
