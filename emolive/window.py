"""How the evidence of 3.6 s becomes a model's input: one definition for live, files and training.

A window ends at one instant. Its bins and its sound end there too, so that face and voice never slip
apart.
"""

from __future__ import annotations

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
    mean = pooling == "mean"
    pooled = np.zeros((bins, width * (2 if mean else 1)), np.float32)
    there = np.zeros(bins, np.bool_)
    edges = end_ns - to_ns(window_s) + np.array([to_ns(window_s * i / bins) for i in range(bins + 1)])
    first = np.searchsorted(stamps_ns, edges, side="right")
    for i in range(bins):
        rows = np.arange(first[i], first[i + 1])
        rows = rows[present[rows]]
        if not len(rows):
            continue
        there[i] = True
        if mean:
            pooled[i, :width] = vectors[rows].mean(axis=0)
            pooled[i, width:] = vectors[rows].std(axis=0)
        else:
            middle = (edges[i] + edges[i + 1]) // 2
            pooled[i] = vectors[rows[np.argmin(np.abs(stamps_ns[rows] - middle))]]
    return pooled, there


SPEECH_FLOOR_DBFS = -60.0
"""Quieter than this is silence whatever came before."""
SPEECH_RANGE_DB = 30.0
"""Speech is at most so much quieter than the loudest step around it."""
NOISE_MARGIN_DB = 8.0
"""Speech is at least so much louder than the quietest stretch around it: a steady hum is none."""
NOISE_STEPS = 10


def step_levels(samples: FloatArray, steps: int) -> FloatArray:
    """(n,) samples → (steps,) RMS in dBFS of equal stretches, -120 for digital silence."""
    if not steps or len(samples) < steps:
        return np.full(steps, -120.0, np.float32)
    edges = np.arange(steps) * len(samples) // steps
    sums = np.add.reduceat(samples.astype(np.float64) ** 2, edges)
    power = sums / np.diff(np.append(edges, len(samples)))
    return (10 * np.log10(np.maximum(power, 1e-12))).astype(np.float32)


def speech_steps(levels_dbfs: FloatArray) -> BoolArray:
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
