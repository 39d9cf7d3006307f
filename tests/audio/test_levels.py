"""Levels of blocks."""

from __future__ import annotations

import numpy as np
import pytest

from emolive.audio.levels import rms_dbfs
from tests.helpers.sounds import sine

SQUARE = np.tile(np.array([1.0, -1.0], np.float32), 500)


@pytest.mark.parametrize(
    ("samples", "dbfs"),
    [
        (sine(997, 48_000, 1.0), -3.01),
        (SQUARE, 0),
        (0.1 * SQUARE, -20),
        (0.1 * SQUARE + 0.5, -20),
        (np.full(100, 0.3, np.float32), -120),
        (np.zeros(100, np.float32), -120),
        (np.zeros(0, np.float32), -120),
        (np.array([np.nan, 1.0], np.float32), -120),
    ],
)
def test_level_without_the_dc_offset(samples, dbfs):
    assert rms_dbfs(samples) == pytest.approx(dbfs, abs=0.01)
