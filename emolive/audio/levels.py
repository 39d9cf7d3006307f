"""Sound levels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emolive.types import FloatArray

SILENCE_DBFS = -120.0
ACTIVE_BLOCK_S = 0.04
ACTIVE_RANGE_DB = 15.0
"""Blocks that lie at most so far below the loudest one are active."""


def rms_dbfs(samples: ArrayLike) -> float:
    """Root mean square of the deviations from the mean, in dB.

    A full-scale square wave has 0 dBFS, a full-scale sine -3; silence, a constant offset and an empty block
    have -120.
    """
    values = np.asarray(samples)
    power = float(np.var(values, dtype=np.float64)) if values.size else 0.0
    if not math.isfinite(power) or power <= 10 ** (SILENCE_DBFS / 10):
        return SILENCE_DBFS
    return 10 * math.log10(power)


def frame_levels_dbfs(samples: FloatArray, n_frames: int) -> FloatArray:
    """Level of equal frames without their DC offset: some microphones have one.

    Args:
        samples: (n,).
        n_frames: into how many frames to divide them.

    Returns:
        (n_frames,) RMS of the deviations from each frame's mean in dBFS; -120 for digital silence.
    """
    if not n_frames or len(samples) < n_frames:
        return np.full(n_frames, SILENCE_DBFS, np.float32)
    edges = np.arange(n_frames + 1) * len(samples) // n_frames
    counts, exact = np.diff(edges), samples.astype(np.float64)
    means = np.add.reduceat(exact, edges[:-1]) / counts
    power = np.add.reduceat(np.square(exact), edges[:-1]) / counts - np.square(means)
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (SILENCE_DBFS / 10))), np.float32)


def active_power(samples: NDArray[np.floating], rate_hz: int) -> float:
    """Mean power of the active blocks of 40 ms, counted from the end: of the speech, not of its pauses.

    Args:
        samples: (n,), n at least 1.
        rate_hz: sampling rate.
    """
    block = min(round(ACTIVE_BLOCK_S * rate_hz), len(samples))
    n = len(samples) // block
    blocks = samples[len(samples) - n * block :].reshape(n, block)
    power = np.mean(np.square(blocks, dtype=np.float64), axis=1)
    return float(power[power >= power.max() * 10 ** (-ACTIVE_RANGE_DB / 10)].mean())
