"""Voice encoders on sines, steps and silence with known results."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.fft import dct
from scipy.signal import stft

from emolive.audio.encoders.mel import mel_filters, mel_frequencies
from emolive.errors import ConfigError
from emolive.models.input_spec import AudioSpec
from tests.helpers.sounds import restless_noise, sine

RATE_HZ = 22_050
MFCC = AudioSpec()
LOGMEL = AudioSpec(kind="logmel", n_mels=64)


@pytest.mark.parametrize(
    "spec",
    [
        MFCC,
        LOGMEL,
        AudioSpec(kind="logmel", rate_hz=16_000, n_fft=1024, hop_length=320, n_mels=40, fmax_hz=8000),
    ],
)
@pytest.mark.parametrize("n", [5000, 79_380])
def test_shape_equals_the_declared_one(spec, n):
    encoder = spec.encoder
    out = encoder(np.zeros(encoder.left_context + n, np.float32))
    assert out.shape == (encoder.channels, encoder.n_frames(n)) == (spec.channels, spec.n_frames(n))
    assert out.dtype == np.float32


def test_published_window_is_10_by_156():
    assert MFCC.encoder(np.zeros(79_380, np.float32)).shape == (10, 156)


def test_equal_descriptions_share_an_encoder():
    assert MFCC.encoder is AudioSpec().encoder
    assert LOGMEL.encoder is not MFCC.encoder


def test_an_unknown_encoder_is_a_configuration_error():
    with pytest.raises(ConfigError, match="no voice encoder named wavelet: choose mfcc, logmel"):
        AudioSpec(kind="wavelet").n_frames(100)


def test_mfcc_of_silence_is_its_floor():
    out = MFCC.encoder(np.zeros(22_050, np.float32))
    assert_allclose(out[0], -100 * 128**0.5, atol=1e-2)
    assert np.abs(out[1:]).max() < 1e-2


def test_logmel_frame_sees_exactly_the_samples_that_end_with_it():
    encoder = LOGMEL.encoder
    n, frame = 8 * LOGMEL.hop_length, 5
    sound = restless_noise(RATE_HZ, 1)[: encoder.left_context + n]
    before = encoder(sound)
    end = encoder.left_context + (frame + 1) * LOGMEL.hop_length
    changed = sound.copy()
    changed[end:] = 0.3
    changed[: end - LOGMEL.n_fft] = -0.3
    after = encoder(changed)
    assert_array_equal(after[:, frame], before[:, frame])
    assert np.abs(after[:, frame - 1] - before[:, frame - 1]).max() > 0.1
    assert np.abs(after[:, frame + 1] - before[:, frame + 1]).max() > 0.1


@pytest.mark.parametrize("hz", [120, 300, 997, 2500, 6000])
def test_full_scale_sine_is_about_0_db_in_its_band_and_quiet_elsewhere(hz):
    out = LOGMEL.encoder(sine(hz, RATE_HZ, 1.0))
    power = (10 ** (out / 10)).sum(axis=0)
    assert np.all(out.max(axis=0) > -4)
    assert np.all(np.abs(10 * np.log10(power)) < 1.0)
    assert (out > -30).mean() < 0.25


def test_logmel_follows_amplitude_down_to_its_floor():
    loud, soft = (LOGMEL.encoder(sine(997, RATE_HZ, 0.5, a)).max() for a in (1.0, 0.01))
    assert loud - soft == pytest.approx(40, abs=0.01)
    assert_allclose(LOGMEL.encoder(np.zeros(22_050, np.float32)), -80, atol=1e-4)


@pytest.mark.parametrize(("spec", "n"), [(MFCC, 0), (LOGMEL, 2047)])
def test_too_few_samples_are_refused(spec, n):
    with pytest.raises(ConfigError, match=f"at least .* samples?, and there are {n}"):
        spec.encoder(np.zeros(n, np.float32))


@pytest.mark.parametrize("spec", [MFCC, LOGMEL])
def test_a_read_only_view_is_enough(spec):
    sound = restless_noise(RATE_HZ, 2)
    expected = spec.encoder(sound[100:30_000].copy())
    sound.flags.writeable = False
    assert_array_equal(spec.encoder(sound[100:30_000]), expected)


def test_fingerprints_are_those_in_saved_profiles():
    logmel = AudioSpec(kind="logmel", n_fft=1024, hop_length=441, n_mels=64, fmin_hz=50, fmax_hz=8000)
    assert logmel.encoder.fingerprint == (
        "logmel 22050 Hz, 1024/441, 64 channels of 64, 50-8000 Hz, floor -80 dB"
    )
    assert MFCC.encoder.fingerprint == "mfcc 22050 Hz, 2048/512, 10 channels of 128, 0-11025 Hz, floor -80 dB"


def test_mel_frequencies_are_slaney_s():
    """The values in librosa's documentation of `mel_frequencies(n_mels=40)`, every fifth."""
    frequencies_hz = mel_frequencies(40, 0, 11_025)
    assert_allclose(
        frequencies_hz[::5],
        [0.0, 426.586, 853.173, 1334.436, 2071.84, 3216.731, 4994.285, 7754.107],
        atol=1e-3,
    )


def test_mel_filters_are_triangles_of_the_same_peak_or_area():
    plain = mel_filters(RATE_HZ, 4096, 64, 50, 8000, norm=None)
    assert plain.shape == (64, 2049)
    assert plain.max() <= 1
    assert np.all(plain.max(axis=1) > 0.7)
    hz_per_bin = RATE_HZ / 4096
    areas = mel_filters(RATE_HZ, 4096, 64, 50, 8000, norm="slaney").sum(axis=1) * hz_per_bin
    assert_allclose(areas, 1, atol=0.1)


def test_features_are_those_of_a_plain_computation():
    """From the definitions, with scipy's short-time Fourier transform."""
    sound = restless_noise(RATE_HZ, 3.6)
    for spec, norm, padding in ((LOGMEL, None, 0), (MFCC, "slaney", 1024)):
        padded = np.pad(sound, padding).astype(np.float64)
        _, _, spectrum = stft(
            padded, window="hann", nperseg=spec.n_fft, noverlap=spec.n_fft - spec.hop_length, boundary=None,
            padded=False, scaling="spectrum",
        )  # fmt: skip
        window_sum = spec.n_fft / 2
        power = np.abs(spectrum * window_sum) ** 2
        filters = mel_filters(RATE_HZ, spec.n_fft, spec.n_mels, spec.fmin_hz, spec.fmax_hz, norm=norm)
        bands = filters.astype(np.float64) @ power
        if norm is None:
            energy = 3 / 8 * spec.n_fft
            expected = 10 * np.log10(np.maximum(bands * 4 / (spec.n_fft * energy), 1e-8))
        else:
            levels = 10 * np.log10(np.maximum(bands, 1e-10))
            expected = dct(np.maximum(levels, levels.max() - 80), norm="ortho", axis=0)[: spec.n_mfcc]
        assert_allclose(spec.encoder(sound), expected, atol=2e-3)
