"""Smoothing of probabilities, and hysteresis of the label."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emolive.clock import to_ns
from emolive.smoothing import HOLD_S, RESET_S, Smoother
from emolive.types import UNSURE

LABELS = ("neutral", "happy", "sad")
HOP_NS = to_ns(0.24)


def smooth(series, hop_ns=HOP_NS, smoother=None):
    smoother = smoother or Smoother(LABELS)
    return [smoother.update(probs, i * hop_ns) for i, probs in enumerate(series)]


def test_it_begins_unsure_and_then_shows_a_stable_label():
    labels = [s.label for s in smooth([(0.1, 0.8, 0.1)] * 6)]
    assert labels[0] == UNSURE
    assert labels[-1] == "happy"
    assert labels == sorted(labels, key=lambda label: label == "happy")


def test_near_ties_that_alternate_do_not_flicker():
    series = [(0.1, 0.8, 0.1)] * 8 + [(0.1, 0.44, 0.46), (0.1, 0.46, 0.44)] * 60
    labels = [s.label for s in smooth(series)][8:]
    assert sum(a != b for a, b in pairwise(labels)) <= 1


@given(st.lists(st.sampled_from([0, 1, 2]), min_size=20, max_size=80))
def test_a_label_that_took_over_has_led_for_long_enough(winners):
    series = [tuple(0.8 if i == w else 0.1 for i in range(3)) for w in winners]
    out = smooth(series)
    changes = [i for i in range(1, len(out)) if out[i].label != out[i - 1].label]
    hold = int(HOLD_S / 0.24) + 1
    for change in changes:
        if out[change].label == UNSURE:
            continue
        leaders = {LABELS[int(np.argmax(s.probs))] for s in out[change - hold + 1 : change + 1]}
        assert leaders == {out[change].label}


def test_nothing_likely_is_unsure_and_a_shown_label_needs_less_to_stay():
    flat = [(0.34, 0.33, 0.33)]
    assert {s.label for s in smooth(flat * 20)} == {UNSURE}
    labels = smooth([(0.1, 0.8, 0.1)] * 6 + flat * 3 + [(0.33, 0.34, 0.33)] * 40)
    assert labels[-1].label == "happy"
    lost = [s.label for s in smooth([(0.0, 1.0, 0.0)] * 6 + [(0.2, 0.2, 0.2)] * 40)]
    assert lost[-1] == UNSURE


def test_smoothing_goes_by_time_and_not_by_count():
    step = [(1.0, 0.0, 0.0)], [(0.0, 1.0, 0.0)]
    slow = smooth(step[0] + step[1] * 5, hop_ns=to_ns(0.24))[-1].probs
    fast = smooth(step[0] + step[1] * 20, hop_ns=to_ns(0.06))[-1].probs
    np.testing.assert_allclose(slow, fast, atol=1e-9)
    assert slow[1] == pytest.approx(1 - np.exp(-1.2 / 0.6))


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
    newest = smooth(series)[-1]
    assert max(newest.probs) == newest.probs[LABELS.index("sad")]
    assert (newest.label, newest.confidence) == ("happy", newest.probs[LABELS.index("happy")])


def test_after_a_pause_it_starts_afresh():
    smoother = Smoother(LABELS)
    smooth([(0.0, 1.0, 0.0)] * 10, smoother=smoother)
    after = smoother.update((0.0, 0.0, 1.0), 9 * HOP_NS + to_ns(RESET_S + 0.1))
    assert (after.probs, after.label) == ((0.0, 0.0, 1.0), UNSURE)
