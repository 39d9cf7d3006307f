"""Landmark features."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emolive.vision.encoders.landmarks import MIRROR, LandmarkEncoder, mean_shape, mean_shape_of
from tests.helpers.faces import similarity

faces = arrays(np.float32, (68, 2), elements=st.floats(-40, 40, width=32)).map(
    lambda noise: mean_shape() * 200 + noise * 0.2 + 300
)


@settings(max_examples=40, deadline=None)
@given(faces, st.floats(0.2, 5), st.floats(-3, 3), st.floats(-500, 500), st.floats(-500, 500))
def test_where_how_large_and_how_tilted_a_face_is_does_not_matter(points, scale, angle, dx, dy):
    moved = similarity(points.astype(np.float64), scale, angle, dx, dy)
    here, there = LandmarkEncoder()(np.stack([points, moved]).astype(np.float32))
    np.testing.assert_allclose(there, here, atol=2e-3)


@settings(max_examples=40, deadline=None)
@given(faces)
def test_an_expression_does_matter(points):
    smiling = points.copy()
    smiling[48] += [-8, -6]
    smiling[54] += [8, -6]
    here, there = LandmarkEncoder()(np.stack([points, smiling]))
    assert np.abs(there - here).reshape(68, 2)[[48, 54]].min() > 0.02
    np.testing.assert_allclose(np.delete(there - here, [96, 97, 108, 109]), 0, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float32, (3, 136), elements=st.floats(-2, 2, width=32)))
def test_mirrored_twice_is_as_before(vectors):
    np.testing.assert_array_equal(LandmarkEncoder.mirror(LandmarkEncoder.mirror(vectors)), vectors)


def test_a_mirrored_vector_is_the_vector_of_the_mirrored_picture():
    rng = np.random.default_rng(0)
    # For a symmetric shape, alignment before or after the flip is the same.
    points = mean_shape() + rng.normal(0, 0.02, (68, 2)).astype(np.float32)
    flipped = (points * [-1, 1])[list(MIRROR)].astype(np.float32)
    straight, mirrored = LandmarkEncoder()(np.stack([points, flipped]))
    np.testing.assert_allclose(LandmarkEncoder.mirror(straight), mirrored, atol=0.02)


def test_the_mirror_swaps_sides_and_keeps_the_middle():
    pairs = dict(enumerate(MIRROR))
    assert sorted(pairs.values()) == list(range(68))
    assert all(pairs[pairs[i]] == i for i in pairs)
    assert [i for i in pairs if pairs[i] == i] == [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]


@pytest.mark.parametrize("value", [0.0, 512.0, -3.0])
def test_points_that_all_coincide_give_zeros(value):
    assert not LandmarkEncoder()(np.full((2, 68, 2), value, np.float32)).any()


def test_points_on_one_line_stay_finite():
    line = np.stack([np.arange(68), np.arange(68)], axis=1)[None].astype(np.float32)
    assert np.isfinite(LandmarkEncoder()(line)).all()


def test_the_mean_shape_is_upright_and_its_unit_is_the_eyes_distance():
    shape = mean_shape()
    np.testing.assert_allclose(shape[45] - shape[36], [1, 0], atol=1e-5)
    assert shape[8, 1] > shape[30, 1] > shape[27, 1]


def test_the_mean_shape_of_turned_copies_is_the_face_itself():
    rng = np.random.default_rng(0)
    face = mean_shape() + rng.normal(0, 0.03, (68, 2))
    copies = [similarity(face, *rng.uniform([0.5, -1, -9, -9], [2, 1, 9, 9])) for _ in range(20)]
    shape = mean_shape_of(np.stack(copies).astype(np.float32))
    upright = mean_shape_of(face[None].astype(np.float32))
    np.testing.assert_allclose(shape, upright, atol=1e-3)
