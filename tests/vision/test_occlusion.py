"""Covered mouths and eyes, and faces that are not covered."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from emolive import paths
from emolive._compat.opencv import cv2
from emolive.capture.synthetic import SyntheticScene
from emolive.hints import MAX_COVERED
from emolive.types import FloatArray, Frame, Image
from emolive.vision.encoders.landmarks import LandmarkEncoder
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.occlusion import HEIGHT, WIDTH, align_patch, covered_probability, measure


@pytest.fixture(scope="module")
def pipeline() -> Iterator[FacePipeline]:
    pipeline = FacePipeline([LandmarkEncoder()])
    yield pipeline
    pipeline.close()


def landmarks(pipeline: FacePipeline, image: Image) -> FloatArray:
    pipeline.reset()
    face = pipeline.process(Frame(0, np.ascontiguousarray(image), 0)).face
    assert face is not None
    assert face.points_px is not None
    return face.points_px


@pytest.fixture(scope="module")
def drawing() -> Image:
    return SyntheticScene().picture(1.0)


def test_a_drawn_face_is_not_covered(pipeline, drawing):
    assert covered_probability(drawing, landmarks(pipeline, drawing)) < MAX_COVERED


@pytest.mark.parametrize(("degrees", "scale"), [(0, 0.5), (40, 1.0), (180, 1.0), (-30, 1.7)])
def test_a_patch_does_not_depend_on_place_size_and_roll(pipeline, drawing, degrees, scale):
    points = landmarks(pipeline, drawing)
    centre = points.mean(axis=0)
    matrix = cv2.getRotationMatrix2D(centre.tolist(), degrees, scale)
    moved = np.asarray(cv2.warpAffine(drawing, matrix, drawing.shape[1::-1]), np.uint8)
    there = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    patch, expected = align_patch(moved, there), align_patch(drawing, points)
    assert patch.shape == (HEIGHT, WIDTH, 3)
    inner = (slice(4, 68), slice(8, 56))
    assert np.abs(patch[inner].astype(int) - expected[inner]).mean() < 6


def test_any_points_and_any_picture_give_numbers():
    image = np.zeros((40, 50, 3), np.uint8)
    for points in (
        np.zeros((68, 2)),
        np.full((68, 2), -500.0),
        np.random.default_rng(1).normal(20, 9, (68, 2)),
    ):
        mouth, eyes = measure(align_patch(image, points.astype(np.float32)))
        assert np.isfinite([*mouth, *eyes]).all()
        assert 0 <= covered_probability(image, points.astype(np.float32)) <= 1


def mask(image: Image, points: FloatArray, colour: tuple[int, int, int]) -> Image:
    outline = np.concatenate([points[2:15], points[[29]]]).astype(np.int32)
    return np.asarray(cv2.fillPoly(image.copy(), [outline], colour), np.uint8)


def glasses(image: Image, points: FloatArray) -> Image:
    width = float(np.linalg.norm(points[45] - points[36]))
    covered = image.copy()
    for eye in (points[36:42], points[42:48]):
        centre = eye.mean(axis=0).astype(int).tolist()
        cv2.ellipse(covered, centre, (int(0.3 * width), int(0.22 * width)), 0, 0, 360, (15, 15, 18), -1)
    return covered


@pytest.mark.data
def test_real_faces_are_told_from_covered_ones(pipeline):
    folder = paths.data_dir() / "ravdess" / "portraits"
    portraits = sorted(folder.glob("Actor_*.png"))[::2]
    if not portraits:
        pytest.skip(f"no portraits in {folder}: set EMOLIVE_DATA")
    found = {"none": 0, "mask": 0, "glasses": 0}
    for path in portraits:
        image = np.asarray(cv2.imread(str(path)), np.uint8)
        points = landmarks(pipeline, image)
        for kind, picture in (
            ("none", image),
            ("mask", mask(image, points, (235, 235, 235) if path.stem[-1] in "159" else (180, 140, 90))),
            ("glasses", glasses(image, points)),
        ):
            there = points if kind == "none" else landmarks(pipeline, picture)
            found[kind] += covered_probability(picture, there) > MAX_COVERED
    assert found["none"] == 0
    assert min(found["mask"], found["glasses"]) >= 0.8 * len(portraits)
