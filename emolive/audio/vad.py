"""Voice activity from frame energy."""

from __future__ import annotations

import numpy as np

from emolive.types import BoolArray, FloatArray

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
