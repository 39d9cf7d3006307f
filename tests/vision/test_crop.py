"""Face crops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolive.types import BoundingBox
from emolive.vision.crop import MARGIN, crop_face
from emolive.vision.encoders.landmarks import mean_shape
from emolive.vision.tracker import square_around
from tests.helpers.faces import boxes, similarity


def gradient(width: int = 320, height: int = 240) -> np.ndarray:
    """Blue is the column, green the row, red 7."""
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


@pytest.mark.parametrize("roll_deg", [-30, 0, 20])
def test_an_upright_crop_has_level_eyes_and_the_scale_of_a_plain_one(roll_deg):
    centre, size = np.array([160.0, 120.0]), 96
    points = similarity(mean_shape(), 40, np.radians(roll_deg), *centre).astype(np.float32)
    image = np.zeros((240, 320, 3), np.uint8)
    eye_centres = [points[36:42].mean(axis=0), points[42:48].mean(axis=0)]
    for (x, y), channel in zip(eye_centres, (0, 1), strict=True):
        image[
            round(float(y)) - 1 : round(float(y)) + 2, round(float(x)) - 1 : round(float(x)) + 2, channel
        ] = 255
    box = BoundingBox(*(centre - 50), 100, 100)
    crop = crop_face(image, box, size, points_px=points)
    rows, columns = zip(
        *(np.argwhere(crop[..., channel] > 60).mean(axis=0) for channel in (0, 1)), strict=True
    )
    assert rows[0] == pytest.approx(rows[1], abs=1.0)
    apart = np.linalg.norm(eye_centres[1] - eye_centres[0]) * size / (100 * MARGIN)
    assert columns[1] - columns[0] == pytest.approx(apart, abs=1.5)


def test_an_upright_crop_of_a_level_face_is_a_plain_one():
    image = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    box = BoundingBox(100, 60, 80, 80)
    points = (mean_shape() * 30 + [140, 90]).astype(np.float32)
    points[36:42], points[42:48] = [120, 90], [160, 90]
    plain, upright = crop_face(image, box, 96), crop_face(image, box, 96, points_px=points)
    np.testing.assert_array_equal(plain[1:-1, 1:-1], upright[1:-1, 1:-1])
