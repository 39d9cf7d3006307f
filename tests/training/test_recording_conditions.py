"""The sound of training clips under other recording conditions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emolive.audio.levels import active_power
from emolive.time_series import Waveform
from tests.helpers.sounds import spoken
from training.recording_conditions import RecordingCondition, condition_of, recorded

RATE_HZ = 16_000
SPEECH = spoken(RATE_HZ, 3)
CLEAN = RecordingCondition(0.0, 0.0, np.inf, 0.0, 0.0, None, False, -6.0)


def apply(condition: RecordingCondition, sound: np.ndarray = SPEECH) -> np.ndarray:
    return condition.apply(sound, RATE_HZ, np.random.default_rng(0))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def test_without_any_part_only_the_level_changes():
    result = apply(CLEAN)
    assert np.abs(result).max() == pytest.approx(10 ** (-6 / 20), rel=1e-4)
    assert correlation(result, SPEECH) > 0.9999


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
def test_noise_has_the_level_that_is_asked_for(slope):
    noisy = apply(replace(CLEAN, snr_db=10.0, noise_slope=slope))
    clean = apply(CLEAN)
    # The share of the clean sound in the noisy one, then the rest.
    scale = noisy @ clean / (clean @ clean)
    noise = noisy - scale * clean
    snr_db = 10 * np.log10(active_power(scale * clean, RATE_HZ) / np.mean(noise**2))
    assert snr_db == pytest.approx(10, abs=1)


def test_a_room_rings_on():
    click = np.zeros(RATE_HZ, np.float32)
    click[100] = 1.0
    result = apply(replace(CLEAN, rt60_s=0.5, direct_db=0.0), click)
    energy = lambda a, b: float(np.sum(result[a:b] ** 2))  # noqa: E731
    assert energy(0, 100) == pytest.approx(0, abs=1e-6)
    assert energy(101, 2000) > 50 * energy(5000, 8000) > 0


def test_a_line_transmits_its_band():
    spectrum = np.abs(
        np.fft.rfft(
            apply(
                replace(CLEAN, band_hz=(300.0, 3400.0)),
                np.random.default_rng(0).standard_normal(RATE_HZ).astype(np.float32),
            )
        )
    )
    assert spectrum[5000:].mean() < 0.1 * spectrum[500:3000].mean() > spectrum[:100].mean()


def test_hum_clipping_and_companding_stay_within_full_scale():
    for condition in (
        replace(CLEAN, snr_db=5.0, hum_hz=50.0),
        replace(CLEAN, peak_db=9.0),
        replace(CLEAN, is_companded=True),
    ):
        result = apply(condition)
        assert np.abs(result).max() <= 1
        assert result.dtype == np.float32
        assert len(result) == len(SPEECH)
        assert 0.7 < correlation(result, SPEECH) < 0.99999


def test_silence_stays_silence():
    silence = np.zeros(1000, np.float32)
    assert not apply(replace(CLEAN, snr_db=5.0), silence).any()


def test_a_person_has_one_condition_and_each_clip_its_own_noise():
    assert condition_of("01", 1) == condition_of("01", 1) != condition_of("02", 1) != condition_of("02", 2)
    noisy = next(p for p in map(str, range(50)) if np.isfinite(condition_of(p, 1).snr_db))
    waveform = Waveform(SPEECH, RATE_HZ)
    first, again, other = (recorded(waveform, noisy, clip, 1).samples for clip in "aab")
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
