"""Pooling of frame vectors into the bins of a window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolive.clock import NS_PER_S, to_ns
from emolive.pooling import pool_bins

BIN_NS = to_ns(0.24)


def pooled(stamps, vectors, present=None, *, pooling="mean", end_ns=3 * BIN_NS, bins=3):
    stamps = np.asarray(stamps, np.int64)
    vectors = np.asarray(vectors, np.float32).reshape(len(stamps), -1)
    present = np.ones(len(stamps), bool) if present is None else np.asarray(present)
    return pool_bins(stamps, vectors, present, end_ns, window_s=0.24 * bins, n_bins=bins, pooling=pooling)


def test_mean_is_the_mean_and_behind_it_the_deviation():
    there = [0.1 * NS_PER_S, 0.2 * NS_PER_S]
    bins, present = pooled(there, [[1, 10], [3, 10]])
    assert bins.tolist() == [[2, 10, 1, 0], [0] * 4, [0] * 4]
    assert present.tolist() == [True, False, False]


def test_middle_selects_the_vector_nearest_the_bin_centre():
    bins, present = pooled([10, BIN_NS // 2 - 9, BIN_NS // 2 + 8, BIN_NS], [1, 2, 3, 4], pooling="middle")
    assert bins[:, 0].tolist() == [3, 0, 0]
    assert present.tolist() == [True, False, False]


@pytest.mark.parametrize("pooling", ["mean", "middle"])
def test_a_bin_holds_its_end_and_not_its_start(pooling):
    bins, present = pooled([0, BIN_NS, BIN_NS + 1, 3 * BIN_NS], [9, 1, 2, 3], pooling=pooling)
    assert bins[:, 0].tolist() == [1, 2, 3]
    assert present.all()


def test_frames_without_a_face_are_not_looked_at():
    bins, present = pooled([1, 2, BIN_NS + 1], [[5], [np.nan], [np.nan]], [True, False, False])
    assert bins.tolist() == [[5, 0], [0, 0], [0, 0]]
    assert present.tolist() == [True, False, False]


def test_no_frames_at_all_are_a_window_without_bins():
    bins, present = pool_bins(
        np.zeros(0, np.int64),
        np.zeros((0, 136), np.float32),
        np.zeros(0, bool),
        0,
        window_s=3.6,
        n_bins=15,
        pooling="mean",
    )
    assert (bins.shape, bins.any(), present.any()) == ((15, 272), False, False)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-BIN_NS, 4 * BIN_NS), st.booleans()), min_size=1, max_size=40))
def test_a_bin_is_there_if_a_face_is_in_it(frames):
    stamps, present = zip(*sorted(frames), strict=True)
    _, there = pooled(stamps, np.ones(len(stamps)), present)
    expected = [
        any(p and i * BIN_NS < s <= (i + 1) * BIN_NS for s, p in zip(stamps, present, strict=True))
        for i in range(3)
    ]
    assert there.tolist() == expected
