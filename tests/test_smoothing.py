"""Smoothing of probabilities, and hysteresis of the label."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emolive.clock import to_ns
from emolive.smoothing import RESET_S, Smoother, divergence
from emolive.stream_reading import SmoothingSpec
from emolive.types import UNSURE

LABELS = ("neutral", "happy", "sad")
HOP_NS = to_ns(0.24)


SPEC = SmoothingSpec(rate=0.4, jump=1.0, margin=0.05, show=0.35, keep=0.28)


def smooth(series, hop_ns=HOP_NS, smoother=None, spec=SPEC):
    smoother = smoother or Smoother(LABELS, spec)
    return [smoother.update(probs, i * hop_ns) for i, probs in enumerate(series)]


def test_a_clear_answer_is_shown_at_once_and_a_flat_one_is_unsure():
    assert smooth([(0.1, 0.8, 0.1)])[0].label == "happy"
    assert smooth([(0.34, 0.33, 0.33)])[0].label == UNSURE


def test_near_ties_that_alternate_do_not_flicker():
    series = [(0.1, 0.8, 0.1)] * 8 + [(0.1, 0.44, 0.46), (0.1, 0.46, 0.44)] * 60
    labels = [s.label for s in smooth(series)][8:]
    assert sum(a != b for a, b in pairwise(labels)) <= 1


@given(st.lists(st.sampled_from([0, 1, 2]), min_size=20, max_size=80))
def test_a_label_takes_over_by_the_margin_or_when_the_other_one_is_lost(winners):
    series = [tuple(0.8 if i == w else 0.1 for i in range(3)) for w in winners]
    for before, after in pairwise(smooth(series)):
        if after.label in (before.label, UNSURE):
            continue
        assert after.confidence == max(after.probs)
        if before.label != UNSURE:
            displaced = after.probs[LABELS.index(before.label)]
            assert after.confidence - displaced > SPEC.margin or displaced < SPEC.keep


def test_disagreement_is_followed_faster_than_wavering():
    start = [(0.8, 0.1, 0.1)] * 10
    plain = SmoothingSpec(rate=0.4)
    jump = (
        smooth([*start, (0.0, 1.0, 0.0)])[-1].probs[1],
        smooth([*start, (0.0, 1.0, 0.0)], spec=plain)[-1].probs[1],
    )
    waver = (
        smooth([*start, (0.7, 0.2, 0.1)])[-1].probs[1],
        smooth([*start, (0.7, 0.2, 0.1)], spec=plain)[-1].probs[1],
    )
    assert jump[0] > jump[1] + 0.2
    assert waver[0] == pytest.approx(waver[1], abs=0.01)


WEIGHTS = st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda weights: sum(weights) > 1e-6)


@given(WEIGHTS, WEIGHTS)
def test_the_divergence_is_symmetric_and_bounded(p, q):
    p, q = np.array(p) / sum(p), np.array(q) / sum(q)
    assert divergence(p, q) == pytest.approx(divergence(q, p))
    assert 0 <= divergence(p, q) <= np.log(2)
    assert divergence(p, p) == pytest.approx(0, abs=1e-12)


def test_values_that_are_not_finite_leave_no_trace():
    smoother = Smoother(LABELS, SPEC)
    smoother.update((0.1, 0.8, 0.1), HOP_NS)
    for bad in (np.nan, np.inf):
        assert smoother.update((bad, 0.5, 0.5), 2 * HOP_NS).probs == pytest.approx((0.1, 0.8, 0.1))
    assert Smoother(LABELS, SPEC).update((np.nan,) * 3, HOP_NS).label == UNSURE


def test_the_age_of_the_evidence_is_smoothed_like_the_probabilities():
    smoother = Smoother(LABELS, SmoothingSpec(rate=0.5))
    assert smoother.update((0.1, 0.8, 0.1), 0, 1.0).age_s == 1.0
    assert smoother.update((0.1, 0.8, 0.1), HOP_NS, 1.0).age_s == pytest.approx(0.5 * 1.24 + 0.5)
    for i in range(2, 60):
        age_s = smoother.update((0.1, 0.8, 0.1), i * HOP_NS, 1.0).age_s
    assert age_s == pytest.approx(1.24)


def test_nothing_likely_is_unsure_and_a_shown_label_needs_less_to_stay():
    flat = [(0.34, 0.33, 0.33)]
    assert {s.label for s in smooth(flat * 20)} == {UNSURE}
    labels = smooth([(0.1, 0.8, 0.1)] * 6 + flat * 3 + [(0.33, 0.34, 0.33)] * 40)
    assert labels[-1].label == "happy"
    lost = [s.label for s in smooth([(0.0, 1.0, 0.0)] * 6 + [(0.2, 0.2, 0.2)] * 40)]
    assert lost[-1] == UNSURE


def test_smoothing_goes_by_time_and_not_by_count():
    step = [(1.0, 0.0, 0.0)], [(0.0, 1.0, 0.0)]
    plain = SmoothingSpec(rate=0.33)
    slow = smooth(step[0] + step[1] * 5, hop_ns=to_ns(0.24), spec=plain)[-1].probs
    fast = smooth(step[0] + step[1] * 20, hop_ns=to_ns(0.06), spec=plain)[-1].probs
    np.testing.assert_allclose(slow, fast, atol=1e-9)
    assert slow[1] == pytest.approx(1 - 0.67**5)


SEQUENCES = st.lists(
    st.tuples(st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(any), st.integers(1, 8)),
    min_size=1,
    max_size=60,
)


@given(SEQUENCES)
def test_label_and_confidence_belong_to_one_class(sequence):
    """Over any sequence of windows, near ties and gaps included."""
    smoother, t_ns = Smoother(LABELS), 0
    for raw, hops in sequence:
        t_ns += hops * HOP_NS
        out = smoother.update(tuple(np.array(raw) / sum(raw)), t_ns)
        assert sum(out.probs) == pytest.approx(1)
        by_label = dict(zip(LABELS, out.probs, strict=True))
        assert out.confidence == (max(out.probs) if out.label == UNSURE else by_label[out.label])


def test_confidence_belongs_to_the_displayed_label():
    series = [(0.1, 0.8, 0.1)] * 8 + [(0.05, 0.15, 0.8)] * 2
    newest = smooth(series, spec=SmoothingSpec(rate=0.33, margin=0.2))[-1]
    assert max(newest.probs) == newest.probs[LABELS.index("sad")]
    assert (newest.label, newest.confidence) == ("happy", newest.probs[LABELS.index("happy")])


def test_after_a_pause_it_starts_afresh():
    smoother = Smoother(LABELS)
    smooth([(0.0, 1.0, 0.0)] * 10, smoother=smoother)
    after = smoother.update((0.0, 0.0, 1.0), 9 * HOP_NS + to_ns(RESET_S + 0.1))
    assert (after.probs, after.label, after.age_s) == ((0.0, 0.0, 1.0), "sad", 0.0)
