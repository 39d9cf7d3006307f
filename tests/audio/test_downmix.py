"""Channels to one: the voice is kept wherever it is."""

from __future__ import annotations

import numpy as np
import pytest

from emolive.audio.downmix import Downmixer, channel_weights
from tests.helpers.sounds import noise, restless_noise

RATE_HZ = 16_000
SURROUND = ("FL", "FR", "FC", "LFE", "BL", "BR")
N = 320


def mixed(channels: np.ndarray, names: tuple[str, ...] = (), block: int = N) -> np.ndarray:
    mix = Downmixer(len(channels), RATE_HZ, names)
    return np.concatenate([mix(channels[:, i : i + block]) for i in range(0, channels.shape[1], block)])


def level_db(samples: np.ndarray, reference: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples**2) / np.mean(reference**2)))


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    return 0.3 * restless_noise(RATE_HZ, 2)


def test_one_channel_is_itself(voice):
    assert mixed(voice[None]) is not None
    np.testing.assert_array_equal(mixed(voice[None]), voice)


def test_two_are_their_mean(voice):
    other = 0.1 * noise(RATE_HZ, 2, -10, seed=3)
    np.testing.assert_allclose(mixed(np.stack([voice, other])), (voice + other) / 2, atol=1e-6)


@pytest.mark.parametrize("block", [N, 1024, 5000])
@pytest.mark.parametrize("hiss_db", [-120, -50])
def test_opposite_phase_does_not_cancel(voice, block, hiss_db):
    channels = np.stack([voice, -voice]) + np.stack([noise(RATE_HZ, 2, hiss_db, seed) for seed in (1, 2)])
    assert abs(level_db(mixed(channels, block=block), voice)) < 0.5


def test_opposite_phase_that_begins_late_is_found_and_leaves_no_click(voice):
    channels = np.stack([voice, np.where(np.arange(len(voice)) < RATE_HZ, voice, -voice)])
    late = mixed(channels)[round(1.3 * RATE_HZ) :]
    assert abs(level_db(late, voice[round(1.3 * RATE_HZ) :])) < 0.5


def test_opposite_phase_among_four_microphones(voice):
    channels = np.stack([voice, -voice, voice, -voice])
    assert abs(level_db(mixed(channels), voice)) < 0.5


@pytest.mark.parametrize("n", [3, 4, 6, 8])
def test_any_number_of_channels(voice, n):
    assert abs(level_db(mixed(np.tile(voice, (n, 1))), voice)) < 0.1


def test_the_voice_in_the_centre_of_surround_is_as_loud_as_alone(voice):
    channels = np.zeros((6, len(voice)), np.float32)
    channels[2] = voice
    assert abs(level_db(mixed(channels, SURROUND), voice)) < 0.1


def test_the_deep_channel_is_left_out():
    assert channel_weights(6, SURROUND)[3] == 0
    assert channel_weights(3, ("FL", "FR", "LFE")).tolist() == [0.5, 0.5, 0.0]


def test_unknown_names_count_alike():
    assert channel_weights(6).tolist() == pytest.approx([1 / 6] * 6)
    assert channel_weights(6, ("FL", "FR")).tolist() == pytest.approx([1 / 6] * 6)


def test_the_result_is_bounded():
    loud = np.ones((6, N), np.float32)
    assert np.abs(mixed(loud, SURROUND)).max() <= 1.0


def test_silence_is_silence():
    assert not mixed(np.zeros((2, 10 * N), np.float32)).any()
