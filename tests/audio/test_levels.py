"""Levels of blocks."""

from __future__ import annotations

import numpy as np
import pytest

from emolive.audio.levels import active_power, frame_levels_dbfs, rms_dbfs
from tests.helpers.sounds import noise, sine

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


def test_levels_of_frames_are_dbfs_of_equal_stretches():
    square = np.tile(np.array([0.1, -0.1], np.float32), 500)
    samples = np.concatenate([square, np.zeros(1000, np.float32)])
    assert frame_levels_dbfs(samples, 4) == pytest.approx([-20, -20, -120, -120], abs=1e-3)


def test_levels_of_frames_do_not_count_a_dc_offset():
    samples = noise(22_050, 1, -40)
    plain, offset = (frame_levels_dbfs(samples + dc, 50) for dc in (np.float32(0), np.float32(0.3)))
    assert offset == pytest.approx(plain, abs=0.01)
    assert frame_levels_dbfs(np.full(1000, 0.3, np.float32), 4).max() == -120


def test_too_few_samples_are_silence_and_no_frames_are_none():
    assert frame_levels_dbfs(np.ones(3, np.float32), 4).tolist() == [-120] * 4
    assert frame_levels_dbfs(np.ones(3, np.float32), 0).shape == (0,)


def test_the_active_level_is_that_of_speech_without_its_pauses():
    tone = np.sin(np.arange(16_000) * 0.3).astype(np.float32)
    with_pause = np.concatenate([tone, np.zeros(32_000, np.float32), tone])
    assert active_power(with_pause, 16_000) == pytest.approx(0.5, rel=0.02)
    assert active_power(tone[:100], 16_000) == pytest.approx(0.5, rel=0.1)
