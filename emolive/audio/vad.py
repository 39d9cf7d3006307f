"""Voice activity detection from the energy of short frames."""

from __future__ import annotations

import numpy as np

from emolive.audio.levels import SILENCE_DBFS
from emolive.types import BoolArray, FloatArray

SPEECH_FLOOR_DBFS = -60.0
"""Anything quieter is silence."""
SPEECH_RANGE_DB = 30.0
"""Speech is at most this much quieter than the loudest frame around it."""
NOISE_MARGIN_DB = 8.0
"""Speech is at least this much louder than the quietest stretch around it: steady noise is not speech."""
NOISE_FRAMES = 10
"""Length of that stretch."""


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


def detect_speech(levels_dbfs: FloatArray, present: BoolArray) -> BoolArray:
    """Find speech in a few seconds of sound by its level.

    A frame is speech if it is louder than an absolute floor, within reach of the loudest frame, and well
    above the quietest 10 frames. Frames that were not recorded are not silence and are left out.

    Args:
        levels_dbfs: (n,) from `frame_levels_dbfs`.
        present: (n,) which frames were recorded.

    Returns:
        (n,) which frames are speech; none while fewer than 10 were recorded.
    """
    speech = np.zeros(len(levels_dbfs), np.bool_)
    levels = levels_dbfs[present]
    if len(levels) < NOISE_FRAMES:
        return speech
    smooth = np.convolve(levels, np.full(NOISE_FRAMES, 1 / NOISE_FRAMES), mode="valid")
    threshold = max(
        SPEECH_FLOOR_DBFS,
        float(levels.max()) - SPEECH_RANGE_DB,
        float(smooth.min()) + NOISE_MARGIN_DB,
    )
    speech[present] = levels > threshold
    return speech
