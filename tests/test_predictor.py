"""Prediction from a window and a speaker profile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from emolive.clock import to_ns
from emolive.device import choose_device
from emolive.errors import EmoliveError
from emolive.models import factory
from emolive.models.input_spec import PixelSpec
from emolive.models.io import checkpoint
from emolive.models.io.checkpoint import Checkpoint
from emolive.models.spec import EMOTIONS, ModelSpec
from emolive.normalization import MODES
from emolive.predictor import Predictor, load_predictor
from emolive.profile import SpeakerProfile
from emolive.stream_reading import SmoothingSpec, StreamReadingSpec
from emolive.windowing import FeatureWindow

FUSIONS = ("lt", "it", "ia")


@pytest.fixture(scope="module", params=FUSIONS)
def predictor(request, random_checkpoint):
    return load_predictor(request.param, random_checkpoint(request.param), "cpu")


@pytest.fixture(scope="module")
def ia(random_checkpoint):
    return load_predictor(None, random_checkpoint("ia"), "cpu")


def window(spec, *, face=True, voice=True, seed=0) -> FeatureWindow:
    rng = np.random.default_rng(seed)
    steps = spec.audio.n_frames(spec.n_samples)
    return FeatureWindow(
        end_ns=to_ns(3.6),
        video=(rng.standard_normal((spec.n_bins, spec.video_dim)) * 0.3).astype(np.float32),
        video_present=np.full(spec.n_bins, face),
        audio=(rng.standard_normal((steps, spec.audio.channels)) * 20 - 50).astype(np.float32),
        audio_present=np.ones(steps, bool),
        speech=np.full(steps, voice),
    )


@pytest.mark.parametrize(
    ("face", "voice", "modality"), [(1, 1, "av"), (1, 0, "v"), (0, 1, "a"), (0, 0, None)]
)
def test_the_modality_of_a_prediction(predictor, face, voice, modality):
    features = window(predictor.spec, face=bool(face), voice=bool(voice))
    prediction = predictor.predict(features, SpeakerProfile(predictor.spec), "running")
    assert (prediction and prediction.modality) == modality
    if prediction:
        assert sum(prediction.probs) == pytest.approx(1, abs=1e-5)
        assert len(prediction.probs) == len(EMOTIONS)


@pytest.mark.parametrize("mode", MODES)
def test_values_of_a_masked_stream_have_no_effect(predictor, mode):
    spec = predictor.spec
    person = SpeakerProfile(spec)
    silent, faceless = window(spec, voice=False), window(spec, face=False)
    video_only, audio_only = (
        predictor.predict(silent, person, mode),
        predictor.predict(faceless, person, mode),
    )
    for garbage in (1e6, np.nan):
        noisy = replace(silent, audio=np.full_like(silent.audio, garbage))
        assert predictor.predict(noisy, person, mode) == video_only
        garbage_video = replace(faceless, video=np.full_like(faceless.video, garbage))
        assert predictor.predict(garbage_video, person, mode) == audio_only


def test_what_is_not_masked_does_change_it(predictor):
    person, spec = SpeakerProfile(predictor.spec), predictor.spec
    here, there = window(spec), window(spec, seed=1)
    base = predictor.predict(here, person, "none").probs
    for part in ("video", "audio"):
        other = predictor.predict(replace(here, **{part: getattr(there, part)}), person, "none").probs
        assert max(abs(a - b) for a, b in zip(base, other, strict=True)) > 1e-5


def test_bins_without_a_face_have_no_effect(ia):
    half = window(ia.spec)
    present = np.arange(15) % 2 == 0
    bins = half.video.copy()
    bins[~present] = 99
    one, other = (replace(half, video_present=present, video=b) for b in (half.video, bins))
    assert ia.predict(one, SpeakerProfile(ia.spec), "none") == ia.predict(
        other, SpeakerProfile(ia.spec), "none"
    )


def test_temperature_preserves_the_order_of_classes(random_checkpoint):
    loaded = checkpoint.load(random_checkpoint("ia"))
    predictor = Predictor(loaded)
    features, person = window(predictor.spec), SpeakerProfile(predictor.spec)
    warm = np.array(predictor.predict(features, person, "none").probs)
    loaded.net.temperature.fill_(4.0)
    cool = np.array(Predictor(loaded).predict(features, person, "none").probs)
    assert cool.max() < warm.max()
    assert (np.argsort(cool) == np.argsort(warm)).all()
    expected = warm ** (1 / 4)
    np.testing.assert_allclose(cool, expected / expected.sum(), atol=1e-5)


READING = StreamReadingSpec(4, 0.6, (1.3, 1.7, 1.1), SmoothingSpec())


@pytest.fixture(scope="module", params=["eager", "onnx"])
def stream_predictor(request, random_checkpoint):
    path = random_checkpoint("ia", arch="emolive-stream", stream_reading=READING)
    loaded = load_predictor(None, path, "cpu", request.param)
    assert (loaded.runtime.name, loaded.runtime.fallback_reason) == (request.param, "")
    return loaded


def test_a_stream_is_read_whole_and_by_its_newest_part(stream_predictor):
    spec = stream_predictor.spec
    features, person = window(spec), SpeakerProfile(spec)
    frames = len(features.audio) * 4 // spec.n_bins
    newest = replace(
        features,
        video_present=np.arange(spec.n_bins) >= spec.n_bins - 4,
        audio_present=np.arange(len(features.audio)) >= len(features.audio) - frames,
    )
    read = stream_predictor.read_network(features, person, "none")
    of_part = stream_predictor.read_network(newest, person, "none", alone=True)
    np.testing.assert_allclose(read.short, of_part.whole, atol=1e-4)
    logs = (0.6 * read.short + 0.4 * read.whole) / 1.3
    expected = np.exp(logs) / np.exp(logs).sum()
    prediction = stream_predictor.predict(features, person, "none")
    np.testing.assert_allclose(prediction.probs, expected, atol=1e-6)


def test_alone_a_window_is_read_whole_with_the_temperature_of_clips(stream_predictor):
    features, person = window(stream_predictor.spec), SpeakerProfile(stream_predictor.spec)
    read = stream_predictor.read_network(features, person, "none", alone=True)
    assert read.short is None
    alone = stream_predictor.predict(features, person, "none", alone=True)
    np.testing.assert_allclose(alone.probs, np.exp(read.whole), atol=1e-5)
    assert alone.age_s == pytest.approx(1.8)


def test_a_newest_part_without_face_and_voice_has_no_say(stream_predictor):
    spec = stream_predictor.spec
    features = window(spec, voice=False)
    gone = replace(features, video_present=np.arange(spec.n_bins) < spec.n_bins - 4)
    assert stream_predictor.read_network(gone, SpeakerProfile(spec), "none").short is None
    prediction = stream_predictor.predict(gone, SpeakerProfile(spec), "none")
    assert sum(prediction.probs) == pytest.approx(1)


def test_the_evidence_is_as_old_as_what_there_is(stream_predictor):
    spec = stream_predictor.spec
    late = replace(window(spec, voice=False), video_present=np.arange(spec.n_bins) >= spec.n_bins - 4)
    assert stream_predictor.predict(late, SpeakerProfile(spec), "none").age_s == pytest.approx(0.48)


def calibrated(spec, predictor) -> SpeakerProfile:
    person = SpeakerProfile(spec)
    for seed in range(40):
        person.neutral.add(window(spec, seed=seed), spec, predictor.video_stats, predictor.audio_stats)
        person.running.add(window(spec, seed=seed), spec, predictor.video_stats, predictor.audio_stats)
    return person


def test_a_prediction_names_the_baseline_in_use(ia):
    uncalibrated, calibrated_profile = SpeakerProfile(ia.spec), calibrated(ia.spec, ia)
    features = window(ia.spec)
    assert [ia.predict(features, uncalibrated, mode).baseline for mode in MODES] == [
        "none",
        "none",
        "running",
    ]
    assert [ia.predict(features, calibrated_profile, mode).baseline for mode in MODES] == list(MODES)


@pytest.mark.parametrize("trained_modes", [("none",), ("none", "running"), ("running",), ("neutral",)])
def test_a_mode_that_the_model_was_not_trained_for_is_not_used(random_checkpoint, trained_modes):
    predictor = load_predictor(None, random_checkpoint("ia", baselines=trained_modes), "cpu")
    person = calibrated(predictor.spec, predictor)
    for mode in MODES:
        reading = predictor.predict(window(predictor.spec), person, mode)
        assert sum(reading.probs) == pytest.approx(1, abs=1e-5)
        assert reading.baseline == (mode if mode in trained_modes else "none")


def test_a_model_of_raw_features_has_no_baseline(random_checkpoint):
    predictor = load_predictor(None, random_checkpoint("ia", baselines=()), "cpu")
    person = calibrated(predictor.spec, predictor)
    probs = {predictor.predict(window(predictor.spec), person, mode) for mode in MODES}
    assert len(probs) == 1
    assert probs.pop().baseline == "none"


def test_a_model_of_another_tracker_is_refused(random_checkpoint):
    other = random_checkpoint("ia", landmarker="mediapipe478")
    with pytest.raises(
        EmoliveError, match="landmarks of mediapipe478, and emolive measures them with dlib68"
    ):
        load_predictor(None, other, "cpu")


def test_a_device_that_is_not_there_is_refused_in_a_sentence():
    with pytest.raises(EmoliveError, match=r"no device abacus on this computer: choose cpu"):
        choose_device("abacus")


def test_models_with_equal_backbones_measure_alike_and_others_do_not(tmp_path):
    def predictor_of(seed, **changes):
        torch.manual_seed(seed)
        spec = ModelSpec(pixels=PixelSpec(48), **changes)
        return Predictor(Checkpoint(factory.build(spec), spec, {}, tmp_path))

    one, same = predictor_of(1), predictor_of(1, fusion="lt")
    assert one.feature_space == same.feature_space
    assert one.new_profile("Ann").space == one.feature_space
    assert one.feature_space != predictor_of(2).feature_space
