"""Portraits that are warped along landmark tracks."""

from __future__ import annotations

import numpy as np
import pytest

from emolive.capture.synthetic import SyntheticScene
from emolive.errors import MediaError
from emolive.types import Frame
from emolive.vision.encoders.landmarks import LandmarkEncoder
from emolive.vision.face_pipeline import FacePipeline
from preprocessing.portraits import PORTRAIT_SCALE, Portrait, load_portrait, load_tracks


@pytest.fixture(scope="module")
def drawn():
    """A drawn face as a portrait, and its landmarks as they were in a larger video."""
    image = SyntheticScene().picture(1.0)
    pipeline = FacePipeline((LandmarkEncoder(),))
    points = pipeline.process(Frame(0, image, 0)).face.points_px
    pipeline.close()
    return image, (points / PORTRAIT_SCALE).astype(np.float32)


def test_a_portrait_at_rest_stays_as_it_is(drawn):
    image, points = drawn
    portrait = Portrait(image, points)
    still = portrait.warp(points)
    assert still.shape == portrait._face._image.shape
    assert np.abs(still.astype(int) - portrait._face._image).mean() < 3


def test_what_lies_at_a_landmark_moves_with_it(drawn):
    image, points = drawn
    portrait = Portrait(image, points)
    moved = points + np.array([8, 0], np.float32)
    x, y = np.round(portrait.to_image(points)[30]).astype(int)
    to_x, _ = np.round(portrait.to_image(moved)[30]).astype(int)
    before, after = portrait.warp(points), portrait.warp(moved)
    patch = before[y - 6 : y + 7, x - 6 : x + 7].astype(int)
    assert np.abs(after[y - 6 : y + 7, to_x - 6 : to_x + 7] - patch).mean() < 12


def test_an_opened_mouth_is_dark_inside(drawn):
    image, points = drawn
    portrait, opened = Portrait(image, points), points.copy()
    eyes = float(np.hypot(*(points[45] - points[36])))
    opened[[56, 57, 58, 65, 66, 67], 1] += 0.5 * eyes
    x, y = np.round(portrait.to_image(opened)[[62, 66]].mean(axis=0)).astype(int)
    inside = portrait.warp(opened)[y : y + 4, x - 2 : x + 3]
    assert inside.mean() < 120


def test_missing_tracks_and_portraits_are_said(tmp_path):
    with pytest.raises(MediaError, match="tracks"):
        load_tracks(tmp_path / "none.npz")
    path = tmp_path / "tracks.npz"
    np.savez(path, **{"a/xy": np.zeros((2, 68, 2), np.int16), "a/frame": np.array([0, 2])})
    tracks = load_tracks(path)
    assert tracks["a"][1].tolist() == [0, 66733400]
    with pytest.raises(MediaError, match="portrait"):
        load_portrait(tmp_path, "01", tracks)
