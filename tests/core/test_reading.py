"""Probabilities become what is shown."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emolive.buffers.latest_slot import LatestSlot
from emolive.clock import to_ns
from emolive.smoothing import FORGET_S, HOLD_S, Smoother
from emolive.types import UNSURE

# --- smoothing

LABELS = ("neutral", "happy", "sad")
HOP_NS = to_ns(0.24)


def shown(series, hop_ns=HOP_NS, smoother=None):
    smoother = smoother or Smoother(LABELS)
    return [smoother.update(probs, i * hop_ns) for i, probs in enumerate(series)]


def test_it_begins_unsure_and_then_says_what_holds():
    labels = [s.label for s in shown([(0.1, 0.8, 0.1)] * 6)]
    assert labels[0] == UNSURE
    assert labels[-1] == "happy"
    assert labels == sorted(labels, key=lambda label: label == "happy")


def test_near_ties_that_alternate_do_not_flicker():
    series = [(0.1, 0.8, 0.1)] * 8 + [(0.1, 0.44, 0.46), (0.1, 0.46, 0.44)] * 60
    labels = [s.label for s in shown(series)][8:]
    assert sum(a != b for a, b in pairwise(labels)) <= 1


@given(st.lists(st.sampled_from([0, 1, 2]), min_size=20, max_size=80))
def test_a_label_that_took_over_has_led_for_long_enough(winners):
    series = [tuple(0.8 if i == w else 0.1 for i in range(3)) for w in winners]
    out = shown(series)
    changes = [i for i in range(1, len(out)) if out[i].label != out[i - 1].label]
    hold = int(HOLD_S / 0.24) + 1
    for change in changes:
        if out[change].label == UNSURE:
            continue
        leaders = {LABELS[int(np.argmax(s.probs))] for s in out[change - hold + 1 : change + 1]}
        assert leaders == {out[change].label}


def test_nothing_likely_is_unsure_and_a_shown_label_needs_less_to_stay():
    flat = [(0.34, 0.33, 0.33)]
    assert {s.label for s in shown(flat * 20)} == {UNSURE}
    kept = shown([(0.1, 0.8, 0.1)] * 6 + flat * 3 + [(0.33, 0.34, 0.33)] * 40)
    assert kept[-1].label == "happy"
    lost = [s.label for s in shown([(0.0, 1.0, 0.0)] * 6 + [(0.2, 0.2, 0.2)] * 40)]
    assert lost[-1] == UNSURE


def test_smoothing_goes_by_time_and_not_by_count():
    step = [(1.0, 0.0, 0.0)], [(0.0, 1.0, 0.0)]
    slow = shown(step[0] + step[1] * 5, hop_ns=to_ns(0.24))[-1].probs
    fast = shown(step[0] + step[1] * 20, hop_ns=to_ns(0.06))[-1].probs
    np.testing.assert_allclose(slow, fast, atol=1e-9)
    assert slow[1] == pytest.approx(1 - np.exp(-1.2 / 0.6))


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), min_size=1, max_size=30))
def test_bars_stay_probabilities(raw):
    for out in shown([tuple(np.array(r) / sum(r)) for r in raw]):
        assert sum(out.probs) == pytest.approx(1)
        assert out.confidence == max(out.probs)
        assert out.label in (*LABELS, UNSURE)


def test_after_a_pause_it_starts_afresh():
    smoother = Smoother(LABELS)
    shown([(0.0, 1.0, 0.0)] * 10, smoother=smoother)
    after = smoother.update((0.0, 0.0, 1.0), 9 * HOP_NS + to_ns(FORGET_S + 0.1))
    assert (after.probs, after.label) == ((0.0, 0.0, 1.0), UNSURE)


# --- the mailbox


def test_the_newest_replaces_what_nobody_took():
    box: LatestSlot[int] = LatestSlot()
    for i in range(5):
        box.put(i)
    assert (box.get(), box.dropped, box.empty) == (4, 4, True)
    assert box.get(timeout_s=0.01) is None


def test_a_taker_wakes_up_for_an_item_and_for_the_end():
    box: LatestSlot[int] = LatestSlot()
    got: list[int | None] = []
    taker = threading.Thread(target=lambda: got.extend(box.get() for _ in range(2)))
    taker.start()
    time.sleep(0.05)
    box.put(1)
    while not got:
        time.sleep(0.01)
    box.close()
    taker.join(10)
    assert got == [1, None]


def test_after_closing_the_last_item_may_be_taken_and_no_other_comes():
    box: LatestSlot[int] = LatestSlot()
    box.put(1)
    box.close()
    box.put(3)
    assert box.closed
    assert [box.get(), box.get()] == [1, None]
