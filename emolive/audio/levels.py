"""How loud sound is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

SILENCE_DBFS = -120.0


def level_dbfs(samples: ArrayLike) -> float:
    """Root mean square in dB: a full-scale square wave is 0, a sine -3, silence or nothing -120."""
    values = np.asarray(samples)
    power = float(np.mean(values.astype(np.float64) ** 2)) if values.size else 0.0
    if not math.isfinite(power) or power <= 10 ** (SILENCE_DBFS / 10):
        return SILENCE_DBFS
    return 10 * math.log10(power)
