"""Recursive filters with a state, each by one call of BLAS.

Used instead of `scipy.signal`, whose import would delay the demo by half the import time of torch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dtbsv

Doubles = NDArray[np.float64]


def sosfilt(coefficients: Doubles, samples: Doubles, state: Doubles) -> tuple[Doubles, Doubles]:
    """Second-order sections in series, as `scipy.signal.sosfilt` runs them.

    Args:
        coefficients: (n, 6) rows of b0, b1, b2, 1, a1, a2.
        samples: (k,) with k of at least 2.
        state: (n, 2) from the previous call; zeros at first.

    Returns:
        The filtered samples (k,), and the next state.
    """
    after = np.empty_like(state)
    band = np.zeros((3, len(samples)), order="F")
    for row, (b0, b1, b2, _, a1, a2) in enumerate(coefficients):
        source = b0 * samples
        source[1:] += b1 * samples[:-1]
        source[2:] += b2 * samples[:-2]
        source[:2] += state[row]
        # y[t] + a1 y[t-1] + a2 y[t-2] = source[t] is a triangular system with two bands below the diagonal.
        band[1], band[2] = a1, a2
        filtered: Doubles = dtbsv(2, band, source, lower=1, diag=1)
        second = b2 * samples[-1] - a2 * filtered[-1]
        after[row] = b1 * samples[-1] - a1 * filtered[-1] + b2 * samples[-2] - a2 * filtered[-2], second
        samples = filtered
    return samples, after
