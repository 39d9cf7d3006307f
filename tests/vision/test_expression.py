"""Crops of single faces as FER+ frames them, their quality, and the classifier on them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from emolive._compat.opencv import cv2
from emolive.capture.synthetic import SyntheticScene
from emolive.clock import to_ns
from emolive.errors import CheckpointError
from emolive.types import Frame
from emolive.vision.encoders.landmarks import LandmarkEncoder
from emolive.vision.expression import (
    ExpressionClassifier,
    classifier_digest,
    classifier_path,
    crop_expression,
    estimate_yaw_deg,
    even_light,
    load_classifier,
)
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.landmarks import eye_roll_deg


@pytest.fixture(scope="module")
def classifier():
    return load_classifier(classifier_digest(classifier_path()))


@pytest.fixture(scope="module")
def portrait():
    return SyntheticScene().picture(1.0)


@pytest.fixture(scope="module")
def points(portrait):
    pipeline = FacePipeline((LandmarkEncoder(),))
    face = pipeline.process(Frame(0, portrait, 0)).face
    pipeline.close()
    return face.points_px


def turned(image, points, degrees, scale=1.0):
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, scale)
    return cv2.warpAffine(image, matrix, (width, height)), (points @ matrix[:, :2].T + matrix[:, 2]).astype(
        np.float32
    )


@pytest.mark.parametrize(("degrees", "scale"), [(0, 0.5), (30, 1), (45, 0.8), (-45, 0.8), (180, 1)])
def test_a_face_is_set_upright_at_one_size(portrait, points, degrees, scale):
    upright, side_px, roll = crop_expression(portrait, points, 96)
    image, moved = turned(portrait, points, degrees, scale)
    crop, moved_side_px, moved_roll = crop_expression(image, moved, 96)
    assert moved_side_px == pytest.approx(scale * side_px, rel=1e-3)
    assert (moved_roll - roll - degrees + 180) % 360 - 180 == pytest.approx(0, abs=0.1)
    middle = slice(16, 80)
    assert np.corrcoef(crop[middle, middle].ravel(), upright[middle, middle].ravel())[0, 1] > 0.97


def test_a_face_at_the_border_is_cut_with_its_edge_repeated(portrait, points):
    image = portrait[:, round(float(points[30, 0])) :]
    crop, *_ = crop_expression(image, points - (round(float(points[30, 0])), 0), 96)
    assert crop.shape == (96, 96)
    assert np.abs(np.diff(crop[:, :20].astype(int), axis=1)).mean() < 2


@pytest.mark.parametrize("factor", [0.1, 0.3, 1.3])
def test_light_is_evened(portrait, points, factor):
    crop, *_ = crop_expression(portrait, points, 96)
    bright, light = even_light(crop)
    dim, dim_light = even_light(np.clip(crop * factor, 0, 255).astype(np.uint8))
    assert dim_light == pytest.approx(min(factor * light, 1), rel=0.2)
    assert np.corrcoef(dim.ravel(), bright.ravel())[0, 1] > 0.9
    assert abs(float(dim.mean()) - float(bright.mean())) < 25


def test_yaw_has_the_sign_of_the_nose(points):
    assert abs(estimate_yaw_deg(points)) < 20
    right = points.copy()
    right[30, 0] += 0.3 * (points[16, 0] - points[0, 0])
    assert estimate_yaw_deg(right) > estimate_yaw_deg(points) + 15
    assert estimate_yaw_deg(np.zeros((68, 2), np.float32)) == 0


def test_answers_are_log_probabilities_with_the_quality_of_the_face(classifier, portrait, points):
    log_probs, quality = classifier(portrait, points)
    assert np.exp(log_probs).sum() == pytest.approx(1, abs=1e-5)
    assert quality.roll_deg == pytest.approx(eye_roll_deg(points))
    blurred = classifier(cv2.GaussianBlur(portrait, (0, 0), 6), points)[1]
    dark = classifier((portrait // 8).astype(np.uint8), points)[1]
    assert blurred.sharpness < 0.5 * quality.sharpness
    assert dark.light == pytest.approx(quality.light / 8, rel=0.2)


def test_onnx_runtime_and_torch_agree(classifier, portrait, points, monkeypatch):
    from emolive.errors import MissingDependencyError
    from emolive.models.runtimes import classifier as runtimes

    def missing(path, digest):
        raise MissingDependencyError("onnxruntime is missing.")

    monkeypatch.setattr(runtimes, "classifier_session", missing)
    on_torch = load_classifier(classifier_digest(classifier_path()))
    np.testing.assert_allclose(on_torch(portrait, points)[0], classifier(portrait, points)[0], atol=1e-3)


def test_another_classifier_than_the_model_s_is_refused():
    with pytest.raises(CheckpointError, match="not the classifier"):
        load_classifier("0" * 64)


def test_it_is_loaded_without_torch_once_it_was_exported():
    load_classifier(classifier_digest(classifier_path()))
    code = (
        "import sys; from emolive.vision.expression import *; "
        "load_classifier(classifier_digest(classifier_path())); print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_every_second_frame_is_classified(portrait):
    class Counting(ExpressionClassifier):
        calls = 0

        def __call__(self, image, points_px):
            Counting.calls += 1
            return super().__call__(image, points_px)

    counting = Counting(lambda pixels: np.zeros((1, 8), np.float32), 96, 0.5, 0.25)
    pipeline = FacePipeline((LandmarkEncoder(),), expression=counting)
    found = [pipeline.process(Frame(to_ns(i / 15), portrait, i)) for i in range(6)]
    assert [o.expression is not None for o in found] == [True, False] * 3
    assert all((o.expression is None) == (o.quality is None) for o in found)
    pipeline.reset()
    assert pipeline.process(Frame(0, portrait, 0)).expression is not None
    pipeline.close()


def test_a_drawing_is_not_classified_but_the_quality_of_its_picture_is_measured(portrait):
    class Refusing(ExpressionClassifier):
        def __init__(self):
            super().__init__(lambda _: pytest.fail("the network ran"), 224, 0.5, 0.25)

    pipeline = FacePipeline((LandmarkEncoder(),), expression=Refusing())
    pipeline.shows_drawing = True
    try:
        seen = [pipeline.process(Frame(i * 10**9 // 15, portrait, i)) for i in range(4)]
    finally:
        pipeline.close()
    assert all(observation.features is not None for observation in seen)
    assert all(observation.expression is None for observation in seen)
    assert sum(observation.quality is not None for observation in seen) == 2
