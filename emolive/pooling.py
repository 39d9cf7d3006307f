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


SPEECH_FLOOR_DBFS = -60.0
"""Quieter than this is silence whatever came before."""
SPEECH_RANGE_DB = 30.0
"""Speech is at most so much quieter than the loudest step around it."""
NOISE_MARGIN_DB = 8.0
"""Speech is at least so much louder than the quietest stretch around it: a steady hum is none."""
NOISE_STEPS = 10


def frame_levels_dbfs(samples: FloatArray, steps: int) -> FloatArray:
    """(n,) samples → (steps,) RMS in dBFS of equal stretches, -120 for digital silence."""
    if not steps or len(samples) < steps:
        return np.full(steps, -120.0, np.float32)
    edges = np.arange(steps + 1) * len(samples) // steps
    sums = np.add.reduceat(np.square(samples, dtype=np.float64), edges[:-1])
    power = sums / (edges[1:] - edges[:-1])
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)), np.float32)


def detect_speech(levels_dbfs: FloatArray) -> BoolArray:
    """Which steps (n,) of a few seconds are speech, by loudness alone.

    Louder than an absolute floor, within reach of the loudest step, and well above the quietest 0.2 s.
    """
    if len(levels_dbfs) < NOISE_STEPS:
        return levels_dbfs > SPEECH_FLOOR_DBFS
    smooth = np.convolve(levels_dbfs, np.full(NOISE_STEPS, 1 / NOISE_STEPS), mode="valid")
    threshold = max(
        SPEECH_FLOOR_DBFS,
        float(levels_dbfs.max()) - SPEECH_RANGE_DB,
        float(smooth.min()) + NOISE_MARGIN_DB,
    )
    return np.asarray(levels_dbfs > threshold, np.bool_)
