"""Running statistics and normalisers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emolive.normalization import MODES, GlobalStats, RunningStats, make_normalizer

WIDTH = 3
FACE = GlobalStats(
    np.array([1, 2, 3], np.float32), np.array([4, 5, 6], np.float32), np.array([1, 1, 2], np.float32), 25 / 6
)


def rows_of(mean, std, n, seed=0):
    samples = np.random.default_rng(seed).standard_normal((n, WIDTH))
    samples = (samples - samples.mean(axis=0)) / samples.std(axis=0)
    return (samples * std + mean).astype(np.float32)


# --- moments

matrices = st.integers(0, 8).flatmap(
    lambda n: arrays(np.float32, (n, WIDTH), elements=st.floats(-100, 100, width=32))
)


@settings(max_examples=40, deadline=None)
@given(st.lists(matrices, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_moments_merge_in_any_order(parts, random):
    together = RunningStats.of(np.concatenate(parts))
    shuffled = list(parts)
    random.shuffle(shuffled)
    merged = RunningStats.zero(WIDTH)
    for part in shuffled:
        merged = merged + RunningStats.of(part)
    assert merged.count == together.count
    np.testing.assert_allclose(merged.mean, together.mean, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(merged.variance, together.variance, rtol=1e-6, atol=1e-6)


def test_moments_of_nothing_are_zero_and_not_nan():
    nothing = RunningStats.zero(WIDTH)
    assert (nothing.mean.tolist(), nothing.variance.tolist()) == ([0] * 3, [0] * 3)


# --- modes


def test_none_is_the_population():
    none = make_normalizer("none", FACE, RunningStats.of(rows_of(9, 1, 100)))
    assert (none.mode, none.shift.tolist(), none.scale.tolist()) == ("none", [1, 2, 3], [4, 5, 6])


def test_neutral_uses_the_speaker_mean_and_within_speaker_std():
    neutral = make_normalizer("neutral", FACE, RunningStats.of(rows_of(9, 3, 100)))
    assert neutral.mode == "neutral"
    np.testing.assert_allclose(neutral.shift, [9] * 3, rtol=1e-5)
    assert neutral.scale.tolist() == [1, 1, 2]


@pytest.mark.parametrize("evidence", [None, RunningStats.zero(WIDTH), RunningStats.of(rows_of(9, 1, 4))])
def test_neutral_without_a_second_of_evidence_falls_back_to_none(evidence):
    assert make_normalizer("neutral", FACE, evidence).mode == "none"


def test_running_moves_from_global_to_speaker_statistics():
    shifts = [
        make_normalizer("running", FACE, RunningStats.of(rows_of(9, 3, n))).shift[0]
        for n in (2, 20, 200, 5000)
    ]
    assert make_normalizer("running", FACE, None).shift[0] == pytest.approx(1)
    assert 1 < shifts[0] < shifts[1] < shifts[2] < shifts[3]
    assert shifts[0] < 2.5
    assert shifts[3] == pytest.approx(9, abs=0.1)
    # Four seconds of evidence have the same weight as the global statistics.
    assert make_normalizer("running", FACE, RunningStats.of(rows_of(9, 3, 17))).shift[0] == pytest.approx(
        5, abs=0.1
    )
    assert make_normalizer("running", FACE, RunningStats.of(rows_of(9, 3, 5000))).scale[0] == pytest.approx(
        3, abs=0.05
    )


def test_a_face_that_never_moves_does_not_divide_by_zero():
    still = RunningStats.of(np.ones((100_000, WIDTH), np.float32))
    applied = make_normalizer("running", FACE, still).apply(
        np.ones((2, WIDTH), np.float32), np.ones(2, bool), MODES
    )
    assert np.isfinite(applied).all()


@pytest.mark.parametrize("mode", MODES)
def test_applied_features_carry_one_flag_and_are_zero_where_missing(mode):
    normalizer = make_normalizer(mode, FACE, RunningStats.of(rows_of(9, 3, 50)))
    rows = np.array([[1, 2, 3], [np.nan] * 3], np.float32)
    applied = normalizer.apply(rows, np.array([True, False]), MODES)
    assert applied.shape == (2, WIDTH + 3)
    assert applied[0, WIDTH:].tolist() == [float(m == mode) for m in MODES]
    assert applied[1].tolist() == [0] * 6
    np.testing.assert_allclose(applied[0, :WIDTH], (rows[0] - normalizer.shift) / normalizer.scale, rtol=1e-6)


def test_a_slip_of_the_tracker_bends_nothing_for_long():
    clip_outliers = FACE.clip_outliers(np.array([[1e6, -1e6, 3]], np.float32))
    assert clip_outliers.tolist() == [[1 + 5 * 4, 2 - 5 * 5, 3]]
