"""Which face is followed, how it is cut out, and what its landmarks become."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emolive import paths as settings_of_emolive
from emolive._compat.opencv import cv2
from emolive.capture.decode import iter_media
from emolive.capture.synthetic import SyntheticScene
from emolive.clock import to_ns
from emolive.models.spec import ModelSpec
from emolive.types import BoundingBox, Frame
from emolive.vision.encoders import landmarks
from emolive.vision.crop import MARGIN, crop_face
from emolive.vision.detector import FaceDetector
from emolive.vision.frame_sampler import FrameSampler
from emolive.vision.tracker import FaceTracker, intersection_over_union, propagate_box, square_around

# --- the tracker, on two drawn faces side by side


@pytest.fixture(scope="module")
def detector():
    detector = FaceDetector()
    yield detector
    detector.close()


@pytest.fixture
def tracker(detector):
    return FaceTracker(detector)


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


def test_the_largest_face_is_chosen_and_kept_when_the_other_grows(tracker, portrait):
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


def test_nobody_there_is_none_and_a_face_that_comes_is_found(tracker, portrait):
    assert tracker.track(scene(portrait), 0) is None
    found = tracker.track(scene(portrait, 0, 0.8), to_ns(0.1))
    assert half_of(found) == "right"
    assert 0.5 <= found.score <= 1


def test_the_box_follows_without_jumping(tracker, portrait):
    still = scene(portrait, 0.8)
    # Found anew it is looked for in the whole picture, and from then on more exactly around its place.
    first = [tracker.track(still, to_ns(i / 15)).box_px for i in range(12)][-1]
    moved = np.roll(still, 40, axis=1)
    second, *_, last = [tracker.track(moved, to_ns(i / 15)).box_px for i in range(12, 24)]
    assert 5 < second.x_px - first.x_px < 35
    assert last.x_px - first.x_px == pytest.approx(40, abs=6)


def test_a_small_face_is_found_again_where_it_was(tracker, portrait):
    boxes = [
        tracker.track(scene(portrait, s), to_ns(i / 15)) for i, s in enumerate([0.9, 0.7, 0.5, 0.4, 0.33])
    ]
    assert [half_of(box) for box in boxes] == ["left"] * 5


class Counting:
    """A detector whose every look is counted."""

    def __init__(self, detector) -> None:
        self.detector = detector
        self.looks = 0

    def detect(self, image, within=None):
        self.looks += 1
        return self.detector.detect(image, within)


class Followed:
    """A tracker with the landmarks told, as the perceiver tells them."""

    def __init__(self, detector) -> None:
        self.counting = Counting(detector)
        self.tracker = FaceTracker(self.counting)

    def see(self, image, i: int, points=None) -> tuple[bool, int]:
        """Whether there is a face in picture `i`, and how often the detector looked at it."""
        before = self.counting.looks
        found = self.tracker.track(image, to_ns(i / 15))
        if found is not None:
            x, y = found.box_px.center_px
            self.tracker.update_from_landmarks(
                landmarks.mean_shape() * 90 + np.array([x, y]) if points is None else points
            )
        return found is not None, self.counting.looks - before


def test_a_still_face_is_detected_in_every_third_frame(detector, portrait):
    followed = Followed(detector)
    looks = [followed.see(scene(portrait, 0.8), i) for i in range(11)]
    assert looks == [(True, n) for n in (1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1)]


def test_a_face_that_moves_is_detected_in_every_frame(detector, portrait):
    followed = Followed(detector)
    picture = scene(portrait, 0.8)
    for i in range(9):
        points = landmarks.mean_shape() * 90 + [300 + 14 * i, 240]
        assert followed.see(np.roll(picture, 14 * i, axis=1), i, points) == (True, 1)


def test_a_lost_face_is_looked_for_in_every_frame_and_found_at_once(detector, portrait):
    followed = Followed(detector)
    here, gone = scene(portrait, 0.8), scene(portrait)
    for i in range(5):
        assert followed.see(here, i)[0]
    lost = [followed.see(gone, i) for i in range(5, 12)]
    assert not any(there for there, _ in lost[3:])
    assert all(looks for there, looks in lost if not there)
    assert followed.see(here, 12)[0]


def test_between_detections_the_box_goes_where_the_landmarks_go(detector, portrait):
    tracker = FaceTracker(detector)
    picture, shape = scene(portrait, 0.8), landmarks.mean_shape() * 90
    for i in range(3):
        box = tracker.track(picture, to_ns(i / 15)).box_px
        tracker.update_from_landmarks(shape + np.array([300 + 2 * i, 240]))
    after = tracker.track(picture, to_ns(3 / 15)).box_px
    # The picture stood still: what moved the box is what was told.
    assert 0.5 < after.x_px - box.x_px < 4
    assert after.width_px == pytest.approx(box.width_px, abs=2)


@pytest.mark.parametrize("angle", [0.0, 0.3])
def test_a_box_moves_and_grows_with_its_points_but_does_not_turn(angle):
    points = landmarks.mean_shape().astype(np.float64) * 50 + 200
    centre = points.mean(axis=0)
    grown = turned(points - centre, 1.2, angle, 0, 0) + centre + [30, -5]
    box = propagate_box(BoundingBox(*(centre - [40, 50]), 80, 100), points, grown)
    assert (box.width_px, box.height_px) == pytest.approx((96, 120), rel=1e-3)
    assert box.center_px == pytest.approx((centre[0] + 30, centre[1] - 5), rel=1e-3)
    assert propagate_box(box, np.ones((10, 2)), np.ones((10, 2))) == box


@pytest.mark.data
def test_on_real_clips_tracking_measures_what_detecting_every_frame_measures(real_clips, monkeypatch):
    """Against landmarks that somebody else measured in the same clips, neither is nearer."""
    from emolive.vision import tracker
    from emolive.vision.face_pipeline import FacePipeline

    files = settings_of_emolive.data_dir() / "ravdess" / "landmarks" / "dlib68_every_2nd_frame.npz"
    if not files.is_file():
        pytest.skip(f"no landmarks in {files}: set EMOLIVE_DATA")
    perceiver = FacePipeline(("landmarks",))
    counting = Counting(perceiver._tracker._detector)
    monkeypatch.setattr(perceiver._tracker, "_detector", counting)
    errors = {0.0: [], tracker.DETECT_S: []}
    apart = []
    with np.load(files) as stored:
        for path in real_clips:
            key = f"01{path.stem[2:]}"  # the same take, told as full audio-video
            sampler = FrameSampler(ModelSpec(pooling="mean"), 0)
            due = [f for f in iter_media(path, audio=False) if sampler.accept(f.t_ns)]
            points = {}
            for detect_s in errors:
                monkeypatch.setattr(tracker, "DETECT_S", detect_s)
                perceiver.reset()
                before = counting.looks
                points[detect_s] = np.stack([perceiver.process(f).face.points_px for f in due])
            looked = counting.looks - before
            every, tracked = points.values()
            perception = np.linalg.norm(every[:, 45] - every[:, 36], axis=1).mean()
            apart.append(np.linalg.norm(tracked - every, axis=2).mean() / perception)
            assert looked < 0.5 * len(due)
            if f"{key}/xy" not in stored:
                continue
            rows = {int(n): i for i, n in enumerate(stored[f"{key}/frame"])}
            both = [(i, rows[f.index]) for i, f in enumerate(due) if f.index in rows]
            mine, theirs = (list(part) for part in zip(*both, strict=True))
            for detect_s, found in points.items():
                far = np.linalg.norm(found[mine] - stored[f"{key}/xy"][theirs], axis=2).mean()
                errors[detect_s].append(far / perception)
    every, tracked = (np.mean(values) for values in errors.values())
    assert every < 0.008
    assert tracked < 1.05 * every
    assert max(apart) < 0.008


numbers = st.floats(-500, 2000)
sizes = st.floats(1, 800)
boxes = st.builds(BoundingBox, numbers, numbers, sizes, sizes)


@settings(max_examples=40, deadline=None)
@given(boxes, boxes)
def test_overlap_is_a_symmetric_share(a, b):
    overlap = intersection_over_union(a, b)
    assert 0 <= overlap <= 1 + 1e-9
    assert overlap == pytest.approx(intersection_over_union(b, a))
    assert intersection_over_union(a, a) == pytest.approx(1)


# --- the crop


def gradient(width: int = 320, height: int = 240) -> np.ndarray:
    """Blue tells the column, green the row, red is 7."""
    image = np.full((height, width, 3), 7, np.uint8)
    image[..., 0] = np.linspace(0, 255, width)
    image[..., 1] = np.linspace(0, 255, height)[:, None]
    return image


@pytest.mark.parametrize("x", [-90, -30, 130, 280, 350])
@pytest.mark.parametrize("y", [-90, -30, 90, 200, 300])
def test_over_every_edge_the_crop_repeats_the_edge(x, y):
    image = gradient()
    box = BoundingBox(x, y, 60, 50)
    crop = crop_face(image, box, 72)
    square = square_around(box, MARGIN)
    assert square.width_px == 72
    columns = np.clip(round(square.x_px) + np.arange(72), 0, 319)
    rows = np.clip(round(square.y_px) + np.arange(72), 0, 239)
    expected = image[rows[:, None], columns[None, :]]
    if 0 <= columns[0] < columns[-1] and rows[0] < rows[-1]:
        np.testing.assert_array_equal(crop, expected)
    assert crop.shape == (72, 72, 3)


@settings(max_examples=40, deadline=None)
@given(boxes, st.sampled_from([24, 96, 224]))
def test_a_crop_is_always_a_square_of_pixels_of_the_picture(box, size):
    crop = crop_face(gradient(), box, size)
    assert (crop.shape, crop.dtype, crop.flags.c_contiguous) == ((size, size, 3), np.uint8, True)
    assert (crop[..., 2] == 7).all()


def test_channels_come_in_the_order_that_was_asked_for():
    bgr = crop_face(gradient(), BoundingBox(100, 80, 60, 60), 64)
    rgb = crop_face(gradient(), BoundingBox(100, 80, 60, 60), 64, "RGB")
    np.testing.assert_array_equal(rgb, bgr[..., ::-1])
    assert rgb.flags.c_contiguous


# --- geometry

faces = arrays(np.float32, (68, 2), elements=st.floats(-40, 40, width=32)).map(
    lambda noise: landmarks.mean_shape() * 200 + noise * 0.2 + 300
)


def turned(points: np.ndarray, scale: float, angle: float, dx: float, dy: float) -> np.ndarray:
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    return points @ np.array([[c, s], [-s, c]]) + [dx, dy]


@settings(max_examples=40, deadline=None)
@given(faces, st.floats(0.2, 5), st.floats(-3, 3), st.floats(-500, 500), st.floats(-500, 500))
def test_where_how_large_and_how_tilted_a_face_is_does_not_matter(points, scale, angle, dx, dy):
    moved = turned(points.astype(np.float64), scale, angle, dx, dy)
    here, there = landmarks.LandmarkEncoder()(np.stack([points, moved]).astype(np.float32))
    np.testing.assert_allclose(there, here, atol=2e-3)


@settings(max_examples=40, deadline=None)
@given(faces)
def test_an_expression_does_matter(points):
    smiling = points.copy()
    smiling[48] += [-8, -6]
    smiling[54] += [8, -6]
    here, there = landmarks.LandmarkEncoder()(np.stack([points, smiling]))
    assert np.abs(there - here).reshape(68, 2)[[48, 54]].min() > 0.02
    np.testing.assert_allclose(np.delete(there - here, [96, 97, 108, 109]), 0, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float32, (3, 136), elements=st.floats(-2, 2, width=32)))
def test_mirrored_twice_is_as_before(vectors):
    np.testing.assert_array_equal(landmarks.LandmarkEncoder.mirror(landmarks.LandmarkEncoder.mirror(vectors)), vectors)


def test_a_mirrored_vector_is_the_vector_of_the_mirrored_picture():
    rng = np.random.default_rng(0)
    # Where the shape is symmetric itself, aligning before or after the flip is the same.
    points = landmarks.mean_shape() + rng.normal(0, 0.02, (68, 2)).astype(np.float32)
    flipped = (points * [-1, 1])[list(landmarks.MIRROR)].astype(np.float32)
    straight, mirrored = landmarks.LandmarkEncoder()(np.stack([points, flipped]))
    np.testing.assert_allclose(landmarks.LandmarkEncoder.mirror(straight), mirrored, atol=0.02)


def test_the_mirror_swaps_sides_and_keeps_the_middle():
    pairs = dict(enumerate(landmarks.MIRROR))
    assert sorted(pairs.values()) == list(range(68))
    assert all(pairs[pairs[i]] == i for i in pairs)
    assert [i for i in pairs if pairs[i] == i] == [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]


@pytest.mark.parametrize("value", [0.0, 512.0, -3.0])
def test_points_that_all_coincide_give_zeros(value):
    assert not landmarks.LandmarkEncoder()(np.full((2, 68, 2), value, np.float32)).any()


def test_points_on_one_line_stay_finite():
    line = np.stack([np.arange(68), np.arange(68)], axis=1)[None].astype(np.float32)
    assert np.isfinite(landmarks.LandmarkEncoder()(line)).all()


def test_the_mean_shape_is_upright_and_its_unit_is_the_eyes_distance():
    shape = landmarks.mean_shape()
    np.testing.assert_allclose(shape[45] - shape[36], [1, 0], atol=1e-5)
    assert shape[8, 1] > shape[30, 1] > shape[27, 1]


def test_the_mean_shape_of_turned_copies_is_the_face_itself():
    rng = np.random.default_rng(0)
    face = landmarks.mean_shape() + rng.normal(0, 0.03, (68, 2))
    copies = [turned(face, *rng.uniform([0.5, -1, -9, -9], [2, 1, 9, 9])) for _ in range(20)]
    found = landmarks.mean_shape_of(np.stack(copies).astype(np.float32))
    upright = landmarks.mean_shape_of(face[None].astype(np.float32))
    np.testing.assert_allclose(found, upright, atol=1e-3)


# --- all of it on one picture


def test_the_perceiver_follows_encodes_and_forgets(portrait):
    from emolive.vision.face_pipeline import FacePipeline

    perceiver = FacePipeline(("landmarks",))
    seen = perceiver.process(Frame(5, portrait, 0))
    assert (seen.t_ns, seen.features.shape, seen.face.points_px.shape) == (5, (136,), (68, 2))
    box = seen.face.box_px
    middle = seen.face.points_px.mean(axis=0)
    assert box.x_px < middle[0] < box.x_px + box.width_px
    assert box.y_px < middle[1] < box.y_px + box.height_px
    nothing = perceiver.process(Frame(to_ns(0.1), np.zeros_like(portrait), 1))
    assert (nothing.face, nothing.features) == (None, None)
    perceiver.reset()
    assert perceiver.process(Frame(0, portrait, 2)).features is not None


def test_pixels_cannot_be_wanted_without_a_trunk():
    from emolive.vision.face_pipeline import FacePipeline

    with pytest.raises(ValueError, match="backbone"):
        FacePipeline(("efficientface",))
