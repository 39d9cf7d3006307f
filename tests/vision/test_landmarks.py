"""Landmarks of small and of tilted faces are those of large, upright ones."""

from __future__ import annotations

import numpy as np
import pytest

from emolive._compat.opencv import cv2
from emolive.capture.synthetic import SyntheticScene
from emolive.types import BoundingBox, FloatArray
from emolive.vision.detector import FaceDetector
from emolive.vision.encoders.landmarks import LandmarkEncoder
from emolive.vision.landmarks import ENLARGED_PX, LandmarkPredictor


@pytest.fixture(scope="module")
def predictor() -> LandmarkPredictor:
    return LandmarkPredictor()


@pytest.fixture(scope="module")
def large() -> tuple[np.ndarray, BoundingBox]:
    """A drawn face that is read as it is, and its box."""
    picture = cv2.resize(SyntheticScene().picture(1.0), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    detector = FaceDetector()
    (face,) = detector.detect(picture)
    detector.close()
    assert face.box_px.width_px > ENLARGED_PX
    return picture, face.box_px


def error(points: FloatArray, expected: FloatArray) -> float:
    """Mean difference of two faces without position, size and roll, in distances of the eye corners."""
    a, b = LandmarkEncoder()(np.stack([points, expected])).reshape(2, 68, 2)
    return float(np.linalg.norm(a - b, axis=1).mean())


@pytest.mark.parametrize("times", [6, 8, 12])
def test_a_small_face(predictor, large, times):
    picture, box = large
    expected = predictor.predict(picture, box)
    small = cv2.resize(picture, None, fx=1 / times, fy=1 / times, interpolation=cv2.INTER_AREA)
    sides = [value / times for value in (box.x_px, box.y_px, box.width_px, box.height_px)]
    points = predictor.predict(small, BoundingBox(*sides))
    assert error(points, expected) < 0.02
    # In the coordinates of the picture, though it was enlarged.
    assert np.abs(points * times - expected).mean() < 0.02 * box.width_px
    # Finer than whole pixels.
    assert np.abs(points - np.round(points)).max() > 0.1


@pytest.mark.parametrize("degrees", [-19, 15, 45, 180])
def test_a_tilted_face(predictor, large, degrees):
    picture, box = large
    height, width = picture.shape[:2]
    x, y = box.center_px
    turn = cv2.getRotationMatrix2D((x - 0.5, y - 0.5), -degrees, 1.0)
    turned = cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    expected = predictor.predict(picture, box)
    points = predictor.predict(turned, box, degrees)
    assert error(points, expected) < 0.02
    assert np.abs(points - (expected @ turn[:, :2].T + turn[:, 2])).mean() < 0.02 * box.width_px


@pytest.mark.parametrize("place", [(-0.5, 0.3), (0.7, 0.7), (1.5, 1.5)])
def test_a_small_face_at_the_edge_of_the_picture(predictor, large, place):
    picture, _ = large
    small = cv2.resize(picture, (64, 48), interpolation=cv2.INTER_AREA)
    box = BoundingBox(place[0] * 64, place[1] * 48, 20, 20)
    points = predictor.predict(small, box)
    assert points.shape == (68, 2)
    assert np.isfinite(points).all()


def test_the_file_is_read_once(predictor: LandmarkPredictor) -> None:
    assert LandmarkPredictor()._predict is predictor._predict
