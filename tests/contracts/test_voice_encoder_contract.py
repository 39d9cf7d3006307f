"""Requirements for every voice encoder, built in or added."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from emolive.audio.encoders import VoiceEncoder
from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.clock import to_ns
from emolive.errors import ConfigError
from emolive.models import factory
from emolive.models.input_spec import AudioSpec
from emolive.models.spec import ModelSpec
from emolive.plugins import VOICE_ENCODERS, load_plugin
from emolive.time_series import Waveform
from tests.helpers.sounds import restless_noise

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "plugin_voice_encoder.py"
load_plugin(EXAMPLE)

WINDOW_S = 3.6


@pytest.fixture(params=sorted(VOICE_ENCODERS))
def encoder(request) -> VoiceEncoder:
    return AudioSpec(kind=request.param, hop_length=441).encoder


@pytest.fixture
def n(encoder) -> int:
    """Samples of a window."""
    return round(WINDOW_S * encoder.rate_hz)


@pytest.fixture
def sound(encoder, n) -> np.ndarray:
    return restless_noise(encoder.rate_hz, WINDOW_S + 1)[: encoder.left_context + n]


def test_the_example_is_registered():
    assert "zcr" in VOICE_ENCODERS


def test_it_has_the_name_under_which_it_is_registered(encoder):
    assert VOICE_ENCODERS.get(encoder.name) is type(encoder)
    assert encoder.name in encoder.fingerprint


def test_a_model_can_be_described_with_its_default_parameters(encoder):
    spec = type(encoder).default_spec
    assert spec.kind == encoder.name
    described = ModelSpec(encoders=("landmarks",), landmarker="dlib68", audio=spec)
    assert ModelSpec.from_dict(described.to_dict()) == described
    factory.build(replace(described, arch="emolive"))


def test_shape_and_type_are_as_promised(encoder, sound, n):
    features = encoder(sound)
    assert features.shape == (encoder.channels, encoder.n_frames(n))
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


def test_silence_and_full_scale_are_finite(encoder, sound):
    for samples in (np.zeros_like(sound), np.ones_like(sound)):
        assert np.isfinite(encoder(samples)).all()


def test_it_is_deterministic_and_leaves_its_input_alone(encoder, sound):
    before = sound.copy()
    sound.flags.writeable = False
    assert_array_equal(encoder(sound), encoder(sound))
    assert_array_equal(sound, before)


def test_nothing_to_encode_is_a_configuration_error(encoder):
    with pytest.raises(ConfigError):
        encoder(np.zeros(0, np.float32))


def test_other_parameters_have_another_fingerprint(encoder):
    other = AudioSpec(kind=encoder.name, hop_length=441, rate_hz=16_000).encoder
    assert other.fingerprint != encoder.fingerprint or other.rate_hz == encoder.rate_hz


def test_local_frames_depend_on_their_own_samples_alone(encoder, sound, n):
    if not encoder.is_frame_local:
        pytest.skip("it encodes windows")
    hop, context = encoder.hop_length, encoder.left_context
    frames = encoder(sound)
    for n_frames in (1, 2, 3, 7, min(20, frames.shape[1] - 1)):
        for first in (0, min(5, frames.shape[1] - n_frames), frames.shape[1] - n_frames):
            part = sound[first * hop : context + (first + n_frames) * hop]
            assert_array_equal(encoder(part.copy()), frames[:, first : first + n_frames])


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_online_extraction_gives_the_features_of_a_window_alone(encoder, n, rate_hz):
    spec = AudioSpec(kind=encoder.name, hop_length=441)
    waveform, extractor = Waveform(restless_noise(rate_hz, 6), rate_hz), OnlineFeatureExtractor(spec)
    for end in range(10, 24):
        features = extractor.read(waveform, end * to_ns(0.24), n)
        expected = OnlineFeatureExtractor(spec).read(waveform, end * to_ns(0.24), n)
        assert_array_equal(features.frames, expected.frames)
        assert len(features) == encoder.n_frames(n)
