"""Where an answer comes from, and the pitch of the voice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emolive import paths
from emolive.explanation import explain_window, pitch
from emolive.predictor import Predictor, load_predictor
from emolive.profile import SpeakerProfile
from emolive.types import Modality
from tests.conftest import RandomCheckpoint
from tests.test_predictor import window

RATE_HZ = 16_000


@pytest.fixture(scope="module", params=["lt", "it", "ia"])
def predictor(request: pytest.FixtureRequest, random_checkpoint: RandomCheckpoint) -> Predictor:
    return load_predictor(request.param, random_checkpoint(request.param), "cpu")


@pytest.mark.parametrize(("face", "voice"), [(True, True), (True, False), (False, True)])
def test_shares_belong_to_the_streams_that_are_there(predictor: Predictor, face: bool, voice: bool) -> None:
    features, person = window(predictor.spec, face=face, voice=voice), SpeakerProfile(predictor.spec)
    prediction = predictor.predict(features, person, "running")
    assert prediction is not None
    explained = explain_window(predictor, features, person, "running", prediction.probs)
    assert explained is not None
    assert explained.label == predictor.spec.labels[int(np.argmax(prediction.probs))]
    assert explained.t_ns == features.end_ns
    if face and voice:
        assert 0 < explained.face_share < 1
        assert len(explained.face_attention) > 1
        assert len(explained.voice_attention) > 1
        assert max(explained.face_attention) == pytest.approx(1)
        assert min(explained.face_attention) >= 0
    else:
        assert explained.face_share == float(face)
        assert (explained.face_attention, explained.voice_attention) == ((), ())


def test_without_face_and_voice_there_is_nothing_to_explain(predictor: Predictor) -> None:
    nothing = window(predictor.spec, face=False, voice=False)
    assert explain_window(predictor, nothing, SpeakerProfile(predictor.spec), "none", (1.0,) * 8) is None


def test_the_classifier_of_faces_counts_for_the_face() -> None:
    """With the shipped model, whose opinion pool weighs a classifier of single faces."""
    path = paths.assets_dir() / "models" / "ia.safetensors"
    predictor = load_predictor("ia", Path(path), "cpu")
    if predictor.pool is None:
        pytest.skip("the shipped model has no opinion pool")
    from dataclasses import replace

    features, person = window(predictor.spec), SpeakerProfile(predictor.spec)
    certain = np.full((predictor.spec.n_bins, 8), np.log(0.01), np.float32)
    certain[:, 1] = np.log(0.93)
    present = np.ones(predictor.spec.n_bins, bool)
    happy = replace(features, expressions=certain, expressions_present=present)
    shares = []
    for seen in (replace(features, expressions=None, expressions_present=None), happy):
        answer = predictor.predict(seen, person, "none")
        assert answer is not None
        assert answer.modality is Modality.AV
        explained = explain_window(predictor, seen, person, "none", answer.probs)
        assert explained is not None
        shares.append(explained.face_share)
    assert shares[1] > shares[0]
    assert 0 <= min(shares) <= max(shares) <= 1


@pytest.mark.parametrize("hz", [90.0, 140.0, 220.0, 350.0])
def test_the_pitch_of_a_voice(hz: float) -> None:
    t = np.arange(RATE_HZ // 4) / RATE_HZ
    voice = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 8)) * 0.1
    noise = np.random.default_rng(0).standard_normal(len(t)) * 0.01
    found = pitch((voice + noise).astype(np.float32), RATE_HZ)
    assert found == pytest.approx(hz, rel=0.03)


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE_HZ).astype(np.float32) * 0.1
    assert pitch(noise, RATE_HZ) is None
    assert pitch(np.zeros(RATE_HZ, np.float32), RATE_HZ) is None
    assert pitch(np.zeros(3, np.float32), RATE_HZ) is None
