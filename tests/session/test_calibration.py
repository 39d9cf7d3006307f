"""Calibration of the neutral baseline, and the reset of running statistics."""

from __future__ import annotations

import threading

import pytest

from emolive.capture.base import SourceInfo
from emolive.errors import EmoliveError
from emolive.models.io import checkpoint
from emolive.neutrality import Neutrality
from emolive.profile import SpeakerProfile
from emolive.session.calibration import Calibration
from tests.helpers.slow_clock import slow_clock


def test_a_face_that_was_away_for_long_may_be_another_s(watch, clips):
    counts = []
    watched = watch(clips["absent_face"], paced=False, start=False)
    watched.session.subscribe(lambda e: counts.append((e.t_s, watched.running_face_s())))
    watched.session.start()
    watched.until_finished()
    before = [n for t, n in counts if t < 3]
    after = [n for t, n in counts if t > 11.5]
    assert max(before) >= 2
    assert min(after) < 2
    assert [n for _, n in counts] != sorted(n for _, n in counts)


@pytest.fixture
def calibration(monkeypatch):
    """A calibration ends only after this event is set, so that a slow test can look at it."""
    may_end, add = threading.Event(), Calibration.add
    monkeypatch.setattr(
        Calibration, "add", lambda self, *arguments: add(self, *arguments) and may_end.is_set()
    )
    return may_end


def end(calibration, watched):
    """End a calibration once it has seen enough, however few windows a slow computer leaves."""
    n = len(watched.estimates)
    watched.until(lambda: len(watched.estimates) >= n + 15, "fifteen windows")
    calibration.set()


@pytest.mark.usefixtures("demo_as_person")
def test_a_calibration_is_saved_and_loaded_by_the_next_session(watch, random_checkpoint, calibration):
    watched = watch("demo", person="Ann")
    watched.until_estimates(1)
    watched.session.calibrate(4)
    watched.until(lambda: watched.session.snapshot().calibration is not None, "the calibration")
    assert 0 <= watched.session.snapshot().calibration <= 1
    assert watched.code("baseline") == "calibrating"
    end(calibration, watched)
    watched.until(lambda: watched.session.snapshot().calibration is None, "the end of the calibration")
    assert watched.session.snapshot().baseline == "neutral"
    watched.until(
        lambda: watched.estimates[-1].baseline == "neutral", "an estimate relative to the neutral baseline"
    )
    profile = SpeakerProfile(checkpoint.describe(random_checkpoint("ia")).spec, "Ann")
    watched.until(profile.load, "the file")
    assert profile.neutral.video.count >= 5
    watched.session.stop()
    again = watch("demo", person="Ann", baseline="neutral")
    again.until_estimates(1)
    assert again.estimates[0].baseline == "neutral"
    again.session.set_person("Bob")
    again.until(lambda: again.estimates[-1].baseline == "none", "an estimate for Bob, who is not calibrated")
    assert again.session.snapshot().person == "Bob"
    again.session.set_person("Ann")
    again.until(lambda: again.estimates[-1].baseline == "neutral", "an estimate for Ann")


@pytest.mark.usefixtures("demo_as_person")
def test_an_expression_is_refused_and_a_doubtful_one_stored_when_it_comes_again(
    watch, random_checkpoint, monkeypatch
):
    watched = watch("demo", person="Ann")
    watched.until_estimates(1)
    profile = SpeakerProfile(checkpoint.describe(random_checkpoint("ia")).spec, "Ann")

    # However few windows a slow computer leaves.
    monkeypatch.setattr("emolive.session.calibration.calibrated_streams", lambda *_: ["face"])

    def calibrate_looking(verdict: str, looked: str) -> str:
        judged = Neutrality(verdict, looked)
        monkeypatch.setattr("emolive.session.calibration.judge_neutrality", lambda bins: judged)
        watched.session.calibrate(0.5)
        watched.until(lambda: watched.code("baseline") == "calibrating", "the calibration")
        watched.until(lambda: watched.code("baseline") != "calibrating", "its end")
        statuses = watched.session.snapshot().statuses
        return next((status.text for status in statuses if status.source == "baseline"), "")

    assert "You looked happy" in calibrate_looking("expressive", "happy")
    assert "You looked happy" in calibrate_looking("expressive", "happy"), "however often"
    assert "seemed to look sad" in calibrate_looking("doubtful", "sad")
    assert "seemed to look angry" in calibrate_looking("doubtful", "angry"), "in another way"
    assert watched.session.snapshot().baseline == "running"
    assert not profile.load()
    calibrate_looking("doubtful", "angry")
    watched.until(profile.load, "the file")
    assert watched.session.snapshot().baseline == "neutral"
    watched.session.set_person("Bob")
    assert "seemed to look angry" in calibrate_looking("doubtful", "angry"), "another person"


@pytest.mark.parametrize("source", ["demo", "full"])
def test_what_is_learned_from_a_drawing_or_a_file_stays_with_it(
    source, watch, clips, random_checkpoint, calibration
):
    watched = watch(clips.get(source, source), person="Ann", loop=True)
    watched.until_estimates(1)
    watched.session.calibrate(4)
    end(calibration, watched)
    watched.until(
        lambda: watched.estimates[-1].baseline == "neutral", "an estimate relative to the neutral baseline"
    )
    watched.until(lambda: watched.code("baseline") == "neutral", "the status")
    pipeline = watched.session._inference.pipeline
    assert pipeline._neutral is None or pipeline._neutral.video.count == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("emolive.session.stream.Stream.is_synthetic", False)
        n = len(watched.estimates)
        watched.session.set_source("demo").result(60)
        assert {estimate.baseline for estimate in watched.until_anew(n)} == {"none"}
        watched.session.stop()
    profile = SpeakerProfile(checkpoint.describe(random_checkpoint("ia")).spec, "Ann")
    assert not profile.load()


@pytest.mark.usefixtures("demo_as_person")
def test_the_baseline_of_a_person_is_not_used_on_a_drawing(watch, monkeypatch, calibration):
    watched = watch("demo", person="Ann")
    watched.until_estimates(1)
    watched.session.calibrate(4)
    end(calibration, watched)
    watched.until(lambda: watched.estimates[-1].baseline == "neutral", "the calibration")
    monkeypatch.setattr("emolive.capture.synthetic.source.SourceInfo", SourceInfo)
    n = len(watched.estimates)
    watched.session.set_source("demo").result(60)
    assert {estimate.baseline for estimate in watched.until_anew(n)} == {"none"}


def test_a_calibration_without_face_and_voice_fails(watch, clips):
    watched = watch(clips["absent_face"], loop=True)
    watched.until_estimates(1)
    watched.until(lambda: watched.code("face") == "missing", "the end of the face")
    watched.session.calibrate(0.8)
    watched.until(lambda: watched.code("baseline") == "failed", "the end of the calibration")
    assert watched.session.snapshot().calibration is None
    assert watched.session.snapshot().baseline == "running"


def test_a_file_that_ends_meanwhile_ends_the_calibration(watch, clips):
    # Half as fast, so that there is time for a calibration on a slow computer too.
    with slow_clock(2):
        watched = watch(clips["video_only"])
        watched.until(lambda: watched.session.model_settled, "the model")
        watched.session.calibrate(60)
        watched.until_finished()
        assert watched.session.snapshot().calibration is None
        assert watched.session.snapshot().baseline == "neutral"
        assert watched.session.stop(60)


def test_a_calibration_is_refused_where_it_cannot_be(watch, clips, random_checkpoint):
    watched = watch(clips["video_only"], paced=False, start=False)
    with pytest.raises(EmoliveError, match="Nothing is playing"):
        watched.session.calibrate()
    watched.session.start()
    with pytest.raises(EmoliveError, match="faster than real time"):
        watched.session.calibrate()
    watched.until_finished()
    raw = watch("demo", checkpoint=random_checkpoint("ia", baselines=()))
    raw.until_estimates(1)
    with pytest.raises(EmoliveError, match="raw features"):
        raw.session.calibrate()
    with pytest.raises(EmoliveError, match="some seconds"):
        raw.session.calibrate(0)
    with pytest.raises(EmoliveError, match="needs a name"):
        raw.session.set_person("  ")
