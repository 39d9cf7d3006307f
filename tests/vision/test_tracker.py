"""Which face is tracked, and when it is detected."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from emolive import paths
from emolive._compat.opencv import cv2
from emolive.capture.decode import iter_media
from emolive.capture.synthetic import SyntheticScene
from emolive.clock import to_ns
from emolive.models.spec import ModelSpec
from emolive.types import BoundingBox
from emolive.vision.detector import FaceDetector
from emolive.vision.encoders.landmarks import LandmarkEncoder, mean_shape
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.frame_sampler import FrameSampler
from emolive.vision.tracker import (
    DETECT_INTERVAL_S,
    BlazeFaceTracker,
    intersection_over_union,
    propagate_box,
)
from tests.helpers.faces import boxes, similarity

# --- the tracker, on two drawn faces side by side


@pytest.fixture(scope="module")
def detector():
    detector = FaceDetector()
    yield detector
    detector.close()


@pytest.fixture
def tracker(detector):
    return BlazeFaceTracker(detector)


@pytest.fixture(scope="module")
def portrait():
    return SyntheticScene().picture(1.0)


def scene(portrait, left: float = 0.0, right: float = 0.0) -> np.ndarray:
    """(480, 1280, 3): a face in each half, `left` and `right` times as large as drawn; 0 leaves it out."""
    canvas = np.full((480, 1280, 3), 90, np.uint8)
    for half, scale in enumerate((left, right)):
        if not scale:
            continue
        height, width = round(480 * scale), round(640 * scale)
        small = cv2.resize(portrait, (width, height), interpolation=cv2.INTER_AREA)
        top, x = (480 - height) // 2, half * 640 + (640 - width) // 2
        canvas[top : top + height, x : x + width] = small
    return canvas


def half_of(detection) -> str | None:
    if detection is None:
        return None
    return "left" if detection.box_px.center_px[0] < 640 else "right"


def test_the_largest_face_is_chosen_and_tracked_when_another_grows(tracker, portrait):
    sizes = [(0.9, 0.7), (0.85, 0.8), (0.8, 0.9), (0.75, 1.0), (0.75, 1.0)]
    followed = [half_of(tracker.track(scene(portrait, *s), to_ns(i / 15))) for i, s in enumerate(sizes)]
    assert followed == ["left"] * 5
    tracker.reset()
    assert half_of(tracker.track(scene(portrait, 0.75, 1.0), 0)) == "right"


def test_a_face_that_is_gone_is_waited_for_before_another_is_chosen(tracker, portrait):
    assert half_of(tracker.track(scene(portrait, 0.9, 0.7), 0)) == "left"
    alone = scene(portrait, 0, 0.7)
    assert [half_of(tracker.track(alone, to_ns(t))) for t in (0.2, 0.5, 0.9)] == [None] * 3
    assert half_of(tracker.track(scene(portrait, 0.9, 0.7), to_ns(0.95))) == "left"
    assert half_of(tracker.track(alone, to_ns(1.5))) is None
    assert half_of(tracker.track(alone, to_ns(2.1))) == "right"


def test_no_face_is_none_and_a_new_face_is_detected(tracker, portrait):
    assert tracker.track(scene(portrait), 0) is None
    detection = tracker.track(scene(portrait, 0, 0.8), to_ns(0.1))
    assert half_of(detection) == "right"
    assert 0.5 <= detection.score <= 1


def test_the_box_follows_without_jumping(tracker, portrait):
    still = scene(portrait, 0.8)
    # A new face is searched in the full image, later ones around the last position.
    first = [tracker.track(still, to_ns(i / 15)).box_px for i in range(12)][-1]
    moved = np.roll(still, 40, axis=1)
    second, *_, last = [tracker.track(moved, to_ns(i / 15)).box_px for i in range(12, 24)]
    assert 5 < second.x_px - first.x_px < 35
    assert last.x_px - first.x_px == pytest.approx(40, abs=6)


def test_a_small_face_is_detected_again_at_its_place(tracker, portrait):
    boxes = [
        tracker.track(scene(portrait, s), to_ns(i / 15)) for i, s in enumerate([0.9, 0.7, 0.5, 0.4, 0.33])
    ]
    assert [half_of(box) for box in boxes] == ["left"] * 5


# --- pictures that are upside down


def turned(image: np.ndarray, degrees: float) -> np.ndarray:
    """Clockwise about the middle; the edge is repeated."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0)
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("degrees", [0, 60, 120, 180, 240, 300])
def test_a_face_is_found_in_any_direction_with_its_roll(tracker, portrait, degrees):
    upright = tracker.track(portrait, 0)
    tracker.reset()
    found = tracker.track(turned(portrait, degrees), 0)
    assert (found.roll_deg - upright.roll_deg - degrees + 180) % 360 - 180 == pytest.approx(0, abs=25)


@pytest.mark.parametrize("degrees", [25, 45, 60, 75, -45])
def test_the_box_of_a_tilted_face_is_the_one_that_it_has_upright(tracker, portrait, degrees):
    upright = tracker.track(portrait, 0).box_px
    tracker.reset()
    tilted = tracker.track(turned(portrait, degrees), 0).box_px
    height, width = portrait.shape[:2]
    to_tilted = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    expected = to_tilted @ (*upright.center_px, 1)
    assert np.linalg.norm(expected - tilted.center_px) < 0.06 * upright.width_px
    assert tilted.width_px == pytest.approx(upright.width_px, rel=0.1)


def test_a_box_upside_down_is_where_the_face_is(detector, portrait):
    canvas = scene(portrait, 0.9, 0)
    (upright,) = detector.detect(canvas)
    region = BoundingBox(700.0, 20.0, 560.0, 440.0)
    for within in (None, region):
        (found,) = detector.detect(np.ascontiguousarray(canvas[::-1, ::-1]), within, upside_down=True)
        x, y = found.box_px.center_px
        assert (1280 - x, 480 - y) == pytest.approx(upright.box_px.center_px, abs=6)
        assert abs(found.roll_deg) == pytest.approx(180, abs=5)


def test_a_camera_that_is_turned_over_is_followed(tracker, portrait):
    over = np.ascontiguousarray(portrait[::-1, ::-1])
    rolls = [tracker.track(over if 3 <= i < 6 else portrait, to_ns(i)).roll_deg for i in range(9)]
    assert [abs(roll) > 90 for roll in rolls] == [False] * 3 + [True] * 3 + [False] * 3


@pytest.mark.data
def test_landmarks_upside_down_are_those_upright():
    """The file is a clip of the base file, turned by 180 degrees and smaller."""
    folder = paths.data_dir().parent / "cases"
    if not (folder / "rotpix180.mp4").is_file():
        pytest.skip(f"there is no {folder / 'rotpix180.mp4'}")
    pipeline = FacePipeline([LandmarkEncoder()])
    vectors = {}
    for name in ("base.mp4", "rotpix180.mp4"):
        pipeline.reset()
        frames = (frame for frame in iter_media(folder / name, audio=False) if frame.index % 2 == 0)
        vectors[name] = np.array([pipeline.process(next(frames)).features for _ in range(20)])
    pipeline.close()
    difference = vectors["rotpix180.mp4"] - vectors["base.mp4"]
    assert np.sqrt((difference**2).mean()) < 0.02


class CountingDetector:
    """A detector that counts its calls for faces that are not upside down."""

    def __init__(self, detector) -> None:
        self.detector = detector
        self.n_detections = 0

    def detect(self, image, within=None, *, upside_down=False):
        self.n_detections += not upside_down
        return self.detector.detect(image, within, upside_down=upside_down)


class TrackerWithFeedback:
    """A tracker with landmark feedback, as in the face pipeline."""

    def __init__(self, detector) -> None:
        self.counting = CountingDetector(detector)
        self.tracker = BlazeFaceTracker(self.counting)

    def track(self, image, i: int, points=None) -> tuple[bool, int]:
        """Whether there is a face in image `i`, and the number of detector calls."""
        before = self.counting.n_detections
        detection = self.tracker.track(image, to_ns(i / 15))
        if detection is not None:
            x, y = detection.box_px.center_px
            self.tracker.update_from_landmarks(
                mean_shape() * 90 + np.array([x, y]) if points is None else points
            )
        return detection is not None, self.counting.n_detections - before


def test_a_still_face_is_detected_in_every_third_frame(detector, portrait):
    followed = TrackerWithFeedback(detector)
    n_detections = [followed.track(scene(portrait, 0.8), i) for i in range(11)]
    assert n_detections == [(True, n) for n in (1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1)]


def test_a_face_that_moves_is_detected_in_every_frame(detector, portrait):
    followed = TrackerWithFeedback(detector)
    picture = scene(portrait, 0.8)
    for i in range(9):
        points = mean_shape() * 90 + [300 + 14 * i, 240]
        assert followed.track(np.roll(picture, 14 * i, axis=1), i, points) == (True, 1)


def test_a_lost_face_is_searched_in_every_frame(detector, portrait):
    followed = TrackerWithFeedback(detector)
    here, gone = scene(portrait, 0.8), scene(portrait)
    for i in range(5):
        assert followed.track(here, i)[0]
    lost = [followed.track(gone, i) for i in range(5, 12)]
    assert not any(there for there, _ in lost[3:])
    assert all(n_detections for there, n_detections in lost if not there)
    assert followed.track(here, 12)[0]


def test_between_detections_the_box_goes_where_the_landmarks_go(detector, portrait):
    tracker = BlazeFaceTracker(detector)
    picture, shape = scene(portrait, 0.8), mean_shape() * 90
    for i in range(3):
        box = tracker.track(picture, to_ns(i / 15)).box_px
        tracker.update_from_landmarks(shape + np.array([300 + 2 * i, 240]))
    after = tracker.track(picture, to_ns(3 / 15)).box_px
    # The image did not change: only the landmarks moved the box.
    assert 0.5 < after.x_px - box.x_px < 4
    assert after.width_px == pytest.approx(box.width_px, abs=2)


@pytest.mark.parametrize("angle", [0.0, 0.3])
def test_a_box_moves_and_grows_with_its_points_but_does_not_turn(angle):
    points = mean_shape().astype(np.float64) * 50 + 200
    centre = points.mean(axis=0)
    grown = similarity(points - centre, 1.2, angle, 0, 0) + centre + [30, -5]
    box = propagate_box(BoundingBox(*(centre - [40, 50]), 80, 100), points, grown)
    assert (box.width_px, box.height_px) == pytest.approx((96, 120), rel=1e-3)
    assert box.center_px == pytest.approx((centre[0] + 30, centre[1] - 5), rel=1e-3)
    assert propagate_box(box, np.ones((10, 2)), np.ones((10, 2))) == box


@pytest.mark.data
def test_on_real_clips_tracking_measures_what_detecting_every_frame_measures(real_clips, detector):
    """Both are equally close to published landmarks of the same clips."""
    files = paths.data_dir() / "ravdess" / "landmarks" / "dlib68_every_2nd_frame.npz"
    if not files.is_file():
        pytest.skip(f"no landmarks in {files}: set EMOLIVE_DATA")
    counting = CountingDetector(detector)
    pipelines = {
        interval_s: FacePipeline((LandmarkEncoder(),), BlazeFaceTracker(counting, interval_s))
        for interval_s in (0.0, DETECT_INTERVAL_S)
    }
    errors = {interval_s: [] for interval_s in pipelines}
    differences = []
    with np.load(files) as stored:
        for path in real_clips:
            key = f"01{path.stem[2:]}"  # the same recording, published with sound
            sampler = FrameSampler(ModelSpec(pooling="mean"), 0)
            due = [f for f in iter_media(path, audio=False) if sampler.accept(f.t_ns)]
            points = {}
            for interval_s, pipeline in pipelines.items():
                pipeline.reset()
                before = counting.n_detections
                points[interval_s] = np.stack([pipeline.process(f).face.points_px for f in due])
            n_detections = counting.n_detections - before
            every, tracked = points.values()
            eye_distance_px = np.linalg.norm(every[:, 45] - every[:, 36], axis=1).mean()
            differences.append(np.linalg.norm(tracked - every, axis=2).mean() / eye_distance_px)
            assert n_detections < 0.5 * len(due)
            if f"{key}/xy" not in stored:
                continue
            rows = {int(n): i for i, n in enumerate(stored[f"{key}/frame"])}
            both = [(i, rows[f.index]) for i, f in enumerate(due) if f.index in rows]
            tracked_rows, stored_rows = (list(part) for part in zip(*both, strict=True))
            for interval_s, landmarks in points.items():
                error_px = np.linalg.norm(
                    landmarks[tracked_rows] - stored[f"{key}/xy"][stored_rows], axis=2
                ).mean()
                errors[interval_s].append(error_px / eye_distance_px)
    every, tracked = (np.mean(values) for values in errors.values())
    assert every < 0.008
    assert tracked < 1.05 * every
    assert max(differences) < 0.008


@settings(max_examples=40, deadline=None)
@given(boxes, boxes)
def test_overlap_is_a_symmetric_share(a, b):
    overlap = intersection_over_union(a, b)
    assert 0 <= overlap <= 1 + 1e-9
    assert overlap == pytest.approx(intersection_over_union(b, a))
    assert intersection_over_union(a, a) == pytest.approx(1)
