"""A window becomes probabilities, and probabilities become what is shown."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emolive.clock import to_ns
from emolive.errors import EmoliveError
from emolive.models.io import checkpoint
from emolive.models.spec import EMOTIONS
from emolive.normalization import MODES
from emolive.predictor import Predictor, choose_device, load_predictor
from emolive.profile import SpeakerProfile
from emolive.smoothing import FORGET_S, HOLD_S, Smoother
from emolive.types import UNSURE
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
        level_dbfs=-30.0,
    )


@pytest.mark.parametrize(
    ("face", "voice", "modality"), [(1, 1, "av"), (1, 0, "v"), (0, 1, "a"), (0, 0, None)]
)
def test_which_streams_can_be_read(predictor, face, voice, modality):
    seen = window(predictor.spec, face=bool(face), voice=bool(voice))
    reading = predictor.read(seen, SpeakerProfile(predictor.spec), "running")
    assert (reading and reading.modality) == modality
    if reading:
        assert sum(reading.probs) == pytest.approx(1, abs=1e-5)
        assert len(reading.probs) == len(EMOTIONS)


@pytest.mark.parametrize("mode", MODES)
def test_garbage_in_a_masked_stream_changes_nothing(predictor, mode):
    spec = predictor.spec
    person = SpeakerProfile(spec)
    silent, faceless = window(spec, voice=False), window(spec, face=False)
    seen, heard = predictor.read(silent, person, mode), predictor.read(faceless, person, mode)
    for garbage in (1e6, np.nan):
        noisy = replace(silent, audio=np.full_like(silent.audio, garbage))
        assert predictor.read(noisy, person, mode) == seen
        strange = replace(faceless, video=np.full_like(faceless.video, garbage))
        assert predictor.read(strange, person, mode) == heard


def test_what_is_not_masked_does_change_it(predictor):
    person, spec = SpeakerProfile(predictor.spec), predictor.spec
    here, there = window(spec), window(spec, seed=1)
    base = predictor.read(here, person, "none").probs
    for part in ("bins", "steps"):
        other = predictor.read(replace(here, **{part: getattr(there, part)}), person, "none").probs
        assert max(abs(a - b) for a, b in zip(base, other, strict=True)) > 1e-5


def test_bins_without_a_face_say_nothing(ia):
    half = window(ia.spec)
    present = np.arange(15) % 2 == 0
    bins = half.video.copy()
    bins[~present] = 99
    one, other = (replace(half, video_present=present, video=b) for b in (half.video, bins))
    assert ia.read(one, SpeakerProfile(ia.spec), "none") == ia.read(other, SpeakerProfile(ia.spec), "none")


def test_temperature_cools_without_changing_the_order(random_checkpoint):
    loaded = checkpoint.load(random_checkpoint("ia"))
    reader = Predictor(loaded)
    seen, person = window(reader.spec), SpeakerProfile(reader.spec)
    warm = np.array(reader.predict(seen, person, "none").probs)
    loaded.net.temperature.fill_(4.0)
    cool = np.array(reader.predict(seen, person, "none").probs)
    loaded.net.temperature.fill_(1.0)
    assert cool.max() < warm.max()
    assert (np.argsort(cool) == np.argsort(warm)).all()
    expected = warm ** (1 / 4)
    np.testing.assert_allclose(cool, expected / expected.sum(), atol=1e-5)


def calibrated(spec, predictor) -> SpeakerProfile:
    person = SpeakerProfile(spec)
    for seed in range(40):
        person.neutral.add(window(spec, seed=seed), spec, predictor.face, predictor.voice)
        person.running.add(window(spec, seed=seed), spec, predictor.face, predictor.voice)
    return person


def test_a_reading_says_which_baseline_it_really_had(ia):
    nobody, somebody = SpeakerProfile(ia.spec), calibrated(ia.spec, ia)
    seen = window(ia.spec)
    assert [ia.read(seen, nobody, mode).baseline for mode in MODES] == ["none", "none", "running"]
    assert [ia.read(seen, somebody, mode).baseline for mode in MODES] == list(MODES)


@pytest.mark.parametrize("known", [("none",), ("none", "running"), ("running",), ("neutral",)])
def test_a_mode_that_the_model_was_not_trained_for_is_not_used(random_checkpoint, known):
    reader = load_predictor(None, random_checkpoint("ia", baselines=known), "cpu")
    person = calibrated(reader.spec, reader)
    for mode in MODES:
        reading = reader.predict(window(reader.spec), person, mode)
        assert sum(reading.probs) == pytest.approx(1, abs=1e-5)
        assert reading.baseline == (mode if mode in known else "none")


def test_a_model_of_raw_features_has_no_baseline(random_checkpoint):
    reader = load_predictor(None, random_checkpoint("ia", baselines=()), "cpu")
    person = calibrated(reader.spec, reader)
    probs = {reader.predict(window(reader.spec), person, mode) for mode in MODES}
    assert len(probs) == 1
    assert probs.pop().baseline == "none"


def test_a_model_of_another_tracker_is_refused(random_checkpoint):
    other = random_checkpoint("ia", tracker="mediapipe478")
    with pytest.raises(EmoliveError, match="tracker mediapipe478, and dlib68 is running"):
        load_predictor(None, other, "cpu")


def test_a_device_that_is_not_there_is_refused_in_a_sentence():
    with pytest.raises(EmoliveError, match=r"no device abacus on this computer: there is cpu"):
        choose_device("abacus")


# --- smoothing

LABELS = ("neutral", "happy", "sad")
HOP_NS = to_ns(0.24)


def shown(series, hop_ns=HOP_NS, smoother=None):
    smoother = smoother or Smoother(LABELS)
    return [smoother.update(probs, i * hop_ns) for i, probs in enumerate(series)]


def test_it_begins_unsure_and_then_says_what_holds():
    labels = [s.label for s in shown([(0.1, 0.8, 0.1)] * 6)]
    assert labels[0] == UNSURE
    assert labels[-1] == "happy"
    assert labels == sorted(labels, key=lambda label: label == "happy")


def test_near_ties_that_alternate_do_not_flicker():
    series = [(0.1, 0.8, 0.1)] * 8 + [(0.1, 0.44, 0.46), (0.1, 0.46, 0.44)] * 60
    labels = [s.label for s in shown(series)][8:]
    assert sum(a != b for a, b in pairwise(labels)) <= 1


@given(st.lists(st.sampled_from([0, 1, 2]), min_size=20, max_size=80))
def test_a_label_that_took_over_has_led_for_long_enough(winners):
    series = [tuple(0.8 if i == w else 0.1 for i in range(3)) for w in winners]
    out = shown(series)
    changes = [i for i in range(1, len(out)) if out[i].label != out[i - 1].label]
    hold = int(HOLD_S / 0.24) + 1
    for change in changes:
        if out[change].label == UNSURE:
            continue
        leaders = {LABELS[int(np.argmax(s.probs))] for s in out[change - hold + 1 : change + 1]}
        assert leaders == {out[change].label}


def test_nothing_likely_is_unsure_and_a_shown_label_needs_less_to_stay():
    flat = [(0.34, 0.33, 0.33)]
    assert {s.label for s in shown(flat * 20)} == {UNSURE}
    kept = shown([(0.1, 0.8, 0.1)] * 6 + flat * 3 + [(0.33, 0.34, 0.33)] * 40)
    assert kept[-1].label == "happy"
    lost = [s.label for s in shown([(0.0, 1.0, 0.0)] * 6 + [(0.2, 0.2, 0.2)] * 40)]
    assert lost[-1] == UNSURE


def test_smoothing_goes_by_time_and_not_by_count():
    step = [(1.0, 0.0, 0.0)], [(0.0, 1.0, 0.0)]
    slow = shown(step[0] + step[1] * 5, hop_ns=to_ns(0.24))[-1].probs
    fast = shown(step[0] + step[1] * 20, hop_ns=to_ns(0.06))[-1].probs
    np.testing.assert_allclose(slow, fast, atol=1e-9)
    assert slow[1] == pytest.approx(1 - np.exp(-1.2 / 0.6))


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), min_size=1, max_size=30))
def test_bars_stay_probabilities(raw):
    for out in shown([tuple(np.array(r) / sum(r)) for r in raw]):
        assert sum(out.probs) == pytest.approx(1)
        assert out.confidence == max(out.probs)
        assert out.label in (*LABELS, UNSURE)


def test_after_a_pause_it_starts_afresh():
    smoother = Smoother(LABELS)
    shown([(0.0, 1.0, 0.0)] * 10, smoother=smoother)
    after = smoother.update((0.0, 0.0, 1.0), 9 * HOP_NS + to_ns(FORGET_S + 0.1))
    assert (after.probs, after.label) == ((0.0, 0.0, 1.0), UNSURE)
