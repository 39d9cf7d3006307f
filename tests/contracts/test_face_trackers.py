"""Requirements for every registered face tracker, including those of the examples and of installed
plug-ins."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from emolive.clock import to_ns
from emolive.errors import ConfigError
from emolive.plugins import FACE_TRACKERS
from emolive.types import Frame
from emolive.vision.encoders.landmarks import LandmarkEncoder
from emolive.vision.face_pipeline import FacePipeline, create_tracker
from emolive.vision.tracker import FaceTracker
from tests.helpers.clips import demo_frames
from tests.helpers.plugin_examples import registered_example

NAMES = (*FACE_TRACKERS.names(), "centre")


@pytest.fixture(autouse=True)
def _example() -> Iterator[None]:
    with registered_example("plugin_face_tracker.py", FACE_TRACKERS, "centre"):
        yield


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    return demo_frames(0.4)[::2]


@pytest.fixture(params=NAMES)
def tracker(request: pytest.FixtureRequest, _example: None) -> Iterator[FaceTracker]:
    instance = create_tracker(request.param)
    yield instance
    instance.close()


def boxes(tracker: FaceTracker, images: list[np.ndarray]) -> list[tuple[float, ...]]:
    detections = [tracker.track(image, to_ns(i / 15)) for i, image in enumerate(images)]
    assert all(detections), "the face of the demo is detected in every frame"
    return [(d.box_px.x_px, d.box_px.y_px, d.box_px.width_px, d.box_px.height_px) for d in detections if d]


def test_it_finds_a_face_and_leaves_the_image_as_it_is(
    tracker: FaceTracker, images: list[np.ndarray]
) -> None:
    image = images[0].copy()
    detection = tracker.track(image, 0)
    assert detection is not None
    assert 0 <= detection.score <= 1
    x, y = detection.box_px.center_px
    assert 0 < x < image.shape[1]
    assert 0 < y < image.shape[0]
    assert detection.box_px.area_px > 0
    np.testing.assert_array_equal(image, images[0])


def test_no_face_is_none(tracker: FaceTracker, images: list[np.ndarray]) -> None:
    assert tracker.track(np.zeros_like(images[0]), 0) is None


def test_after_a_reset_the_same_images_give_the_same_boxes(
    tracker: FaceTracker, images: list[np.ndarray]
) -> None:
    first = boxes(tracker, images)
    tracker.reset()
    assert boxes(tracker, images) == first


def test_landmarks_may_come_before_any_face_and_after_each(
    tracker: FaceTracker, images: list[np.ndarray]
) -> None:
    tracker.update_from_landmarks(np.zeros((68, 2), np.float32))
    tracker.reset()
    pipeline = FacePipeline((LandmarkEncoder(),), tracker)
    observations = [pipeline.process(Frame(to_ns(i / 15), image, i)) for i, image in enumerate(images)]
    assert all(observation.face is not None for observation in observations)


def test_an_unknown_one_is_refused_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match="no face tracker named xx: choose blazeface"):
        create_tracker("xx")
