"""Several faces in a picture: all are found, one is read, another can be chosen."""

from __future__ import annotations

import pytest

from emolive.capture.synthetic import SyntheticScene
from emolive.clock import to_ns
from emolive.types import Face, FaceObservation, Frame
from emolive.vision.survey import INTERVAL_S, FaceSurvey
from emolive.vision.tracker import BlazeFaceTracker
from tests.vision.test_tracker import scene


@pytest.fixture(scope="module")
def tracker():
    tracker = BlazeFaceTracker()
    yield tracker
    tracker.close()


@pytest.fixture(scope="module")
def picture():
    return scene(SyntheticScene().picture(1.0), 1.0, 0.8)


def observe(tracker: BlazeFaceTracker, survey: FaceSurvey, picture, t_s: float) -> FaceObservation:
    frame = Frame(to_ns(t_s), picture, 0)
    detection = tracker.track(picture, frame.t_ns)
    assert detection is not None
    return survey.add_to(FaceObservation(frame.t_ns, Face(detection.box_px, 1.0), None), frame)


def test_another_face_is_found_and_followed_when_it_is_chosen(tracker, picture) -> None:
    tracker.reset()
    survey = FaceSurvey(tracker)
    seen = observe(tracker, survey, picture, 0.0)
    assert seen.face.box_px.center_px[0] < 640, "the larger face is read"
    (other,) = seen.others
    assert other.center_px[0] > 640
    assert not survey.follow(640, 10, to_ns(0.1)), "no face is there"
    assert survey.follow(*other.center_px, to_ns(0.1))
    for index in range(1, 10):
        seen = observe(tracker, survey, picture, 0.1 + index / 15)
        assert seen.face.box_px.center_px[0] > 640, "it is followed from the next frame on"
    assert [box.center_px[0] < 640 for box in seen.others] == [True]


def test_the_picture_is_searched_only_from_time_to_time(tracker, picture, monkeypatch) -> None:
    tracker.reset()
    survey, searches = FaceSurvey(tracker), []
    original = tracker.survey
    monkeypatch.setattr(tracker, "survey", lambda image: searches.append(1) or original(image))
    for index in range(30):
        observe(tracker, survey, picture, index / 15)
    assert len(searches) <= 2 / INTERVAL_S + 1


def test_a_tracker_that_cannot_survey_changes_nothing() -> None:
    class Plain:
        def track(self, image, t_ns):
            return None

        def update_from_landmarks(self, points_px):
            pass

        def reset(self):
            pass

        def close(self):
            pass

    observation = FaceObservation(0, None, None)
    survey = FaceSurvey(Plain())
    assert survey.add_to(observation, Frame(0, None, 0)) is observation
    assert not survey.follow(1, 1, 0)
