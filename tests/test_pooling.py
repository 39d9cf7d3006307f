"""Pooling of frame vectors into the bins of a window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolive.clock import NS_PER_S, to_ns
from emolive.pooling import DEVIATION_PER_STEP, HOLD_S, held_frames, lone_deviations, pool_bins

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


# --- the deviation of a lone frame


def test_a_lone_frame_deviates_as_its_face_moves():
    """In proportion to the change since the frame before, and less if that is longer ago."""
    deviations = {}
    for step_s in (0.25, 1.0):
        stamps = [to_ns(1.2 - step_s), to_ns(1.2)]
        bins, _ = pooled(stamps, [[0, 5], [4, 5]], end_ns=to_ns(1.2), bins=5)
        deviations[step_s] = bins[-1, 2]
        assert bins[-1, 3] == 0
    assert deviations[1.0] == pytest.approx(4 * DEVIATION_PER_STEP)
    assert deviations[0.25] == pytest.approx(8 * DEVIATION_PER_STEP)


def test_it_is_not_known_without_a_face_before():
    stamps, rows = np.array([0, to_ns(0.5), to_ns(1)]), np.arange(3)
    vectors = np.array([[0], [5], [9]], np.float32)
    seen = np.array([True, False, True])
    deviations = lone_deviations(stamps, vectors, seen, rows[seen])
    assert deviations[:, 0] == pytest.approx([0, 9 * DEVIATION_PER_STEP])
    late = np.array([0, to_ns(0.5), to_ns(HOLD_S + 1)])
    assert not lone_deviations(late, vectors, seen, rows[seen]).any()


def test_it_is_near_that_of_more_frames():
    """Of a face that moves at random, seen at 15, 5 and 2 frames a second."""
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(size=(3000, 1)), axis=0).astype(np.float32)
    stamps = np.round(np.arange(3000) * NS_PER_S / 15).astype(np.int64)
    every = np.std([walk[i : i + 4] for i in range(0, 2996, 4)], axis=1).mean()
    for step in (3, 7):
        there = np.ones(len(stamps[::step]), bool)
        rows = np.arange(1, len(there))
        lone = lone_deviations(stamps[::step], walk[::step], there, rows).mean()
        assert 0.6 < lone / every < 1.4


# --- a picture holds until the next one


def held(stamps_s, present=None, *, end_s=3.6, window_s=3.6, bins=15):
    stamps = np.array([to_ns(s) for s in stamps_s], np.int64)
    present = np.ones(len(stamps), bool) if present is None else np.array(present)
    return held_frames(stamps, present, to_ns(end_s), window_s=window_s, n_bins=bins).tolist()


def test_one_picture_a_second_holds_until_the_next():
    rows = held([0.0, 1.0, 2.0, 3.0])
    # A bin with a frame of its own holds none.
    assert [rows[i] for i in (0, 2, 3)] == [0, 0, 0]
    assert [rows[i] for i in (5, 6)] == [1, 1]
    assert rows[-1] == 3
    assert rows[4] == -1


def test_a_bin_without_a_frame_at_an_ordinary_rate_stays_empty():
    stamps = [i / 15 for i in range(54) if not 20 <= i < 25]
    assert set(held(stamps)) == {-1}


def test_after_the_last_picture_it_holds_for_no_longer_than_pictures_do():
    rows = held([0.0, 0.5, 1.0])
    assert rows[5] == 2
    assert set(rows[8:]) == {-1}


def test_a_hold_is_bounded():
    rows = held([0.0, 30.0], end_s=30.0)
    assert set(rows) == {-1}
    rows = held([0.0, 30.0], end_s=5.0)
    assert (rows[0], rows[-1]) == (0, -1)


def test_without_a_face_nothing_holds():
    assert set(held([0.0, 1.0, 2.0, 3.0], [False] * 4)) == {-1}


@pytest.mark.parametrize("stamps", [[], [1.0]])
def test_one_picture_tells_no_rate(stamps):
    assert set(held(stamps)) == {-1}


def test_live_and_later_are_the_same_up_to_the_newest_frame():
    """What is held at a time depends on nothing that comes later, except for the newest picture."""
    stamps = [0.0, 0.7, 1.9, 2.4, 3.5]
    assert held([s for s in stamps if s <= 2.4], end_s=2.4) == held(stamps, end_s=2.4)[:15]


@pytest.mark.parametrize("rate_hz", [2.2, 3, 3.7])
def test_pictures_of_a_slow_source_hold(rate_hz):
    """Less than a frame a bin, but none is missing; where one is, its place stays empty."""
    stamps = np.arange(0, 3.6, 1 / rate_hz)
    own = {int(np.ceil(s / 0.24)) - 1 for s in stamps if s > 0}
    rows = held(stamps)
    # Before two steps nothing says that frames are rare.
    assert all((row >= 0) != (i in own) for i, row in enumerate(rows) if i >= 3)
    quick = np.delete(np.arange(0, 3.6, 0.2), 9)
    assert set(held(quick)) == {-1}
