"""Sound levels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

SILENCE_DBFS = -120.0


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
