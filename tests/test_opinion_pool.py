"""The pool's arithmetic, its fading with what is known of a person, and its use in predictions."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from emolive.errors import ConfigError, EmoliveError
from emolive.expression_stats import EXPRESSIONS, ExpressionStats
from emolive.file_analyzer import FileAnalyzer
from emolive.models.io import checkpoint
from emolive.models.spec import EMOTIONS, ModelSpec
from emolive.opinion_pool import UNKNOWN, OpinionPool, OpinionPoolSpec, Reference
from emolive.predictor import load_predictor
from emolive.profile import SpeakerProfile
from emolive.types import Modality
from emolive.vision.expression import classifier_digest, classifier_path
from tests.test_predictor import window

SPEC = OpinionPoolSpec(
    classifier="0" * 64,
    network=(0.3, 1.0),
    absolute=(0.7, 0.2),
    relative=(0.0, 0.5),
    neutral_bias=0.5,
    calm_offset=0.7,
    floor=0.001,
    recent_s=1.5,
    evidence_s=4.0,
    calibration_s=1.0,
    running_limit=0.5,
    novelty_limits=(-1000.0, -1000.0, -1000.0),
    novelty_width=0.1,
    resemblance_limit=1.0,
    novel_voice_weight=0.5,
    temperatures=(0.5, 0.8),
)
BIN_S = 0.24


def pool(**changes) -> OpinionPool:
    return OpinionPool(replace(SPEC, **changes), EMOTIONS, BIN_S)


def logs(**shares: float) -> np.ndarray:
    """Log-probabilities of expressions; what is not named shares the rest."""
    rest = (1 - sum(shares.values())) / (len(EXPRESSIONS) - len(shares))
    return np.log([shares.get(name, rest) for name in EXPRESSIONS])


SMILE, NEUTRAL = logs(happiness=0.93), logs(neutral=0.93)


def test_expressions_stand_for_emotions():
    opinions = dict(zip(EMOTIONS, pool().emotions(NEUTRAL), strict=True))
    assert opinions["neutral"] == pytest.approx(np.log(0.931))
    assert opinions["calm"] == pytest.approx(opinions["neutral"] - 0.7)
    contempt = dict(zip(EMOTIONS, pool(floor=0.0).emotions(logs(contempt=0.93)), strict=True))
    assert contempt["angry"] == contempt["disgust"] == pytest.approx(np.log(0.01 + 0.93 / 2))
    assert EMOTIONS[pool().emotions(SMILE).argmax()] == "happy"


def test_the_weights_fade_with_what_is_known():
    network = np.log(np.full(8, 0.02) + 0.84 * np.eye(8)[EMOTIONS.index("sad")])
    strange = pool().combine(network, SMILE, UNKNOWN, Modality.AV)
    known = pool().combine(network, SMILE, Reference(SMILE, 1.0), Modality.AV)
    assert (EMOTIONS[strange.argmax()], EMOTIONS[known.argmax()]) == ("happy", "sad")
    expected = 0.3 * network + 0.7 * pool().emotions(SMILE)
    expected = np.exp(expected / 0.5) / np.exp(expected / 0.5).sum()
    np.testing.assert_allclose(np.exp(strange), expected, atol=1e-12)
    halfway = pool().scores(network, SMILE, SMILE, 0.5)
    ends = [pool().scores(network, SMILE, SMILE, k) for k in (0.0, 1.0)]
    np.testing.assert_allclose(halfway, np.mean(ends, axis=0))


def test_a_deviation_from_the_person_s_neutral_state_counts():
    only_relative = pool(absolute=(0.0, 0.0), neutral_bias=0.0)
    scores = only_relative.scores(np.zeros(8), NEUTRAL, NEUTRAL, 1.0)
    np.testing.assert_allclose(scores, 0)
    scores = only_relative.scores(np.zeros(8), logs(neutral=0.8, sadness=0.15), NEUTRAL, 1.0)
    assert EMOTIONS[scores.argmax()] == "sad"


def test_the_temperature_is_the_modality_s_and_a_missing_network_has_no_say():
    both, face = (pool().combine(None, SMILE, UNKNOWN, m) for m in (Modality.AV, Modality.VIDEO))
    assert both.max() > face.max()
    np.testing.assert_allclose(np.exp(both).sum(), 1)
    np.testing.assert_allclose(both, pool().combine(np.zeros(8), SMILE, UNKNOWN, Modality.AV))


def test_how_well_a_person_is_known():
    neutral = ExpressionStats.of(np.repeat(NEUTRAL[None], 50, axis=0).astype(np.float32))
    smiling = ExpressionStats.of(np.repeat(SMILE[None], 500, axis=0).astype(np.float32))
    assert pool().reference("none", neutral) == UNKNOWN
    assert pool().reference("running", ExpressionStats.zero()).familiarity == 0
    session = pool().reference("running", neutral + smiling)
    np.testing.assert_allclose(session.log_probs, NEUTRAL, atol=0.5)
    seconds = 0.93 * 50 * BIN_S + 0.01 * 500 * BIN_S
    assert session.familiarity == pytest.approx(0.5 * seconds / (seconds + 4), abs=1e-3)
    calibrated = pool().reference("neutral", neutral)
    assert calibrated.familiarity == pytest.approx(12 / 13)
    np.testing.assert_allclose(calibrated.log_probs, NEUTRAL, atol=1e-6)


def test_the_newest_bins_count():
    rows = np.concatenate([np.repeat(SMILE[None], 9, 0), np.repeat(NEUTRAL[None], 6, 0)]).astype(np.float32)
    present = np.ones(15, bool)
    np.testing.assert_allclose(pool().recent(rows, present), NEUTRAL, atol=1e-6)
    gone = present & (np.arange(15) < 9)
    assert pool().recent(rows, gone) is None
    np.testing.assert_allclose(pool().recent(rows, gone, has_face=True), SMILE, atol=1e-6)
    assert pool().recent(rows, np.zeros(15, bool), has_face=True) is None


def test_the_statistics_survive_json():
    stats = ExpressionStats.of(np.stack([SMILE, NEUTRAL]).astype(np.float32))
    again = ExpressionStats.from_dict(json.loads(json.dumps(stats.to_dict())))
    assert again.to_dict() == stats.to_dict()
    with pytest.raises(ConfigError, match="8 numbers"):
        ExpressionStats.from_dict({**stats.to_dict(), "total": [1.0]})


def test_a_description_holds_the_pool_and_one_without_stays_what_it_was():
    spec = ModelSpec(encoders=("landmarks",), pool=SPEC)
    assert ModelSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert "pool" not in ModelSpec().to_dict()
    assert ModelSpec.from_dict(ModelSpec().to_dict()).pool is None


@pytest.mark.parametrize(
    "changes",
    [
        {"network": (1.0, -1.0)},
        {"floor": 2.0},
        {"temperatures": (0.0, 1.0)},
        {"recent_s": "1"},
        {"network": 1},
    ],
)
def test_a_description_that_does_not_fit_is_refused(changes):
    values = ModelSpec(encoders=("landmarks",), pool=SPEC).to_dict()
    with pytest.raises(ConfigError):
        ModelSpec.from_dict({**values, "pool": {**values["pool"], **changes}})
    with pytest.raises(ConfigError, match="bored"):
        ModelSpec.from_dict({**values, "labels": ["neutral", "bored"]})


@pytest.fixture(scope="module")
def pooled(random_checkpoint):
    return random_checkpoint("ia", pool=replace(SPEC, classifier=classifier_digest(classifier_path())))


def seen(spec, expression, **streams):
    rows = np.repeat(expression[None], spec.n_bins, axis=0).astype(np.float32)
    return replace(window(spec, **streams), expressions=rows, expressions_present=np.ones(spec.n_bins, bool))


def test_the_network_answers_alone_for_a_voice_and_where_there_are_no_pixels(pooled, random_checkpoint):
    predictor, plain = load_predictor(None, pooled), load_predictor("ia", random_checkpoint("ia"))
    person, spec = SpeakerProfile(predictor.spec), predictor.spec
    for streams in ({}, {"face": False}, {"voice": False}):
        alone = plain.predict(window(spec, **streams), SpeakerProfile(plain.spec), "running")
        result = predictor.predict(window(spec, **streams), person, "running")
        assert result.probs == pytest.approx(alone.probs, abs=1e-6)
    smiling = predictor.predict(seen(spec, SMILE), person, "running")
    assert EMOTIONS[int(np.argmax(smiling.probs))] == "happy"
    assert sum(smiling.probs) == pytest.approx(1)


def test_a_face_of_half_a_second_is_enough_for_the_classifier(pooled):
    predictor = load_predictor(None, pooled)
    spec = predictor.spec
    shortly = np.arange(spec.n_bins) >= spec.n_bins - 2
    brief = replace(seen(spec, SMILE, voice=False), video_present=shortly, expressions_present=shortly)
    result = predictor.predict(brief, SpeakerProfile(spec), "running")
    assert result.modality is Modality.VIDEO
    assert EMOTIONS[int(np.argmax(result.probs))] == "happy"
    without = replace(brief, expressions=None, expressions_present=None)
    assert predictor.predict(without, SpeakerProfile(spec), "running") is None


def test_a_profile_learns_the_neutral_face_and_saves_it(pooled):
    predictor = load_predictor(None, pooled)
    spec, stats = predictor.spec, (predictor.video_stats, predictor.audio_stats)
    person = predictor.new_profile("Ann")
    for _ in range(40):
        person.neutral.add(seen(spec, SMILE), spec, *stats)
    person.save()
    again = predictor.new_profile("Ann")
    assert again.load()
    reference = again.reference("neutral", predictor.pool)
    np.testing.assert_allclose(reference.log_probs, SMILE, atol=1e-5)
    assert reference.familiarity > 0.85


def test_a_profile_without_expressions_loads_and_this_session_stands_for_them(pooled, random_checkpoint):
    plain = load_predictor("ia", random_checkpoint("ia"))
    old = plain.new_profile("Bob")
    for seed in range(40):
        old.neutral.add(window(plain.spec, seed=seed), plain.spec, plain.video_stats, plain.audio_stats)
    old.save()
    predictor = load_predictor(None, pooled)
    person = predictor.new_profile("Bob")
    assert person.load()
    assert person.neutral.video.count == 40
    assert person.reference("neutral", predictor.pool) == UNKNOWN
    stats = predictor.video_stats, predictor.audio_stats
    person.running.add(seen(predictor.spec, NEUTRAL), predictor.spec, *stats)
    assert person.reference("neutral", predictor.pool).familiarity > 0


def test_another_classifier_is_refused(random_checkpoint):
    predictor = load_predictor(None, random_checkpoint("ia", pool=SPEC))
    with pytest.raises(EmoliveError, match="classifier"), FileAnalyzer(predictor):
        pass


def test_a_checkpoint_keeps_its_pool(pooled):
    assert checkpoint.describe(pooled).spec.pool.network == SPEC.network


def test_a_session_pools_as_the_analysis_of_the_file_does(watch, pooled, clips):
    with FileAnalyzer(load_predictor(None, pooled, "cpu", "eager")) as analyzer:
        *expected, summary = analyzer.analyze(clips["full"])
    estimates = watch(clips["full"], checkpoint=pooled, paced=False).until_finished()
    assert [round(e.t_s, 2) for e in estimates] == [round(e.t_s, 2) for e in expected]
    for live, offline in zip(estimates, expected, strict=True):
        assert live.probs == pytest.approx(offline.probs, abs=1e-6)
        assert live.label == offline.label
    # A face is read from half a second on.
    assert expected[0].t_s <= 0.73
    assert sum(summary.probs) == pytest.approx(1)
