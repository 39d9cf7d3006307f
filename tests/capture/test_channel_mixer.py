"""Values that can be no sound: they are left out, and nothing that follows is changed by them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from emolive.capture.channel_mixer import ChannelMixer
from emolive.capture.decode import iter_media, read_audio
from emolive.capture.microphone import _Mixer

RATE_HZ = 8000
ODD = [np.nan, np.inf, -np.inf, 1e20, 500.0]


def voice(n: int = RATE_HZ) -> np.ndarray:
    return (0.3 * np.sin(np.arange(n) * 0.2)).astype(np.float32)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("n_channels", [1, 2, 6])
def test_a_value_that_is_no_sound_counts_as_zero_and_is_forgotten(odd, n_channels):
    channels = np.tile(voice(400), (n_channels, 1))
    damaged = channels.copy()
    damaged[-1, 100] = odd
    mixer, clean = ChannelMixer(n_channels, RATE_HZ), ChannelMixer(n_channels, RATE_HZ)
    mixed, refused = mixer(damaged)
    assert refused is not None
    assert np.flatnonzero(refused).tolist() == [100]
    assert np.abs(mixed).max() <= 0.3
    expected = np.delete(clean(channels)[0], 100)
    np.testing.assert_allclose(np.delete(mixed, 100), expected, atol=1e-6)
    after, refused = mixer(channels)
    assert refused is None
    np.testing.assert_allclose(after, clean(channels)[0], atol=1e-6)


def test_an_inverted_channel_is_still_recognised_after_one():
    inverted = np.stack([voice(4000), -voice(4000)])
    damaged = inverted.copy()
    damaged[0, 0] = 1e30
    mixer = ChannelMixer(2, RATE_HZ)
    mixer(damaged)
    np.testing.assert_allclose(mixer(inverted)[0], voice(4000), atol=1e-6)


@pytest.mark.parametrize("odd", ODD)
def test_a_file_with_one_is_read_and_says_so_once(tmp_path: Path, odd):
    samples = np.stack([voice(), voice()], axis=1)
    samples[[100, 4000, 4001], 0] = odd
    path = tmp_path / "odd.wav"
    soundfile.write(path, samples, RATE_HZ, "FLOAT")
    said: list[str] = []
    blocks = [block.samples for block in iter_media(path, on_notice=said.append, on_corruption=said.append)]
    assert len(said) == 1
    assert said[0].startswith("The sound of odd.wav holds values near 0.0 s that can be no sound")
    heard = np.concatenate(blocks)
    assert len(heard) == RATE_HZ
    assert np.abs(heard).max() <= 0.31
    read, _ = read_audio(path)
    np.testing.assert_array_equal(read, heard)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_a_microphone_leaves_them_to_be_masked(n_channels):
    block = np.tile(voice(160), (n_channels, 1))
    block[0, 5] = np.inf
    samples = _Mixer(RATE_HZ)(block)
    assert np.flatnonzero(~np.isfinite(samples)).tolist() == [5]
