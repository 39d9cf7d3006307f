"""What is let through at the seams."""

from __future__ import annotations

import numpy as np
import pytest

from emolive import plausibility as p
from emolive.types import BoundingBox

ODD = (np.nan, np.inf, -np.inf, 1e30)


@pytest.mark.parametrize("odd", ODD)
def test_samples(odd: float) -> None:
    samples = np.linspace(-1.5, 1.5, 50, dtype=np.float32)
    assert p.plausible_samples(samples) is None
    samples[7] = odd
    usable = p.plausible_samples(samples)
    assert usable is not None
    assert np.flatnonzero(~usable).tolist() == [7]
    assert p.plausible_samples(samples[:0]) is None


@pytest.mark.parametrize("odd", ODD)
def test_rows_and_vectors(odd: float) -> None:
    rows = np.zeros((4, 3), np.float32)
    assert p.plausible_rows(rows) is None
    rows[2, 1] = odd
    usable = p.plausible_rows(rows)
    assert usable is not None
    assert usable.tolist() == [True, True, False, True]
    assert not p.is_plausible_vector(rows[2])
    assert p.is_plausible_vector(rows[0])


@pytest.mark.parametrize(
    "image",
    [
        None,
        np.zeros((48, 64), np.uint8),
        np.zeros((48, 64, 4), np.uint8),
        np.zeros((48, 64, 3), np.float32),
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((2, 64, 3), np.uint8),
    ],
)
def test_what_is_no_image(image: object) -> None:
    assert p.image_problem(image)
    assert not p.image_problem(np.zeros((48, 64, 3), np.uint8))


def test_boxes() -> None:
    shape = (480, 640, 3)
    assert p.plausible_box(BoundingBox(-20, 30, 200, 220), shape)
    for odd in ((np.nan, 0, 10, 10), (0, 0, np.inf, 10), (0, 0, 10, -5), (9e5, 0, 10, 10)):
        assert not p.plausible_box(BoundingBox(*odd), shape)


def test_landmarks() -> None:
    shape = (480, 640, 3)
    points = np.random.default_rng(0).uniform(100, 300, (68, 2)).astype(np.float32)
    assert p.plausible_points(points, shape)
    assert not p.plausible_points(np.full((68, 2), 50, np.float32), shape), "all in one place"
    for odd in (*ODD, 5000.0, -3000.0):
        bad = points.copy()
        bad[30, 0] = odd
        assert not p.plausible_points(bad, shape)
