"""Snapshots, and the order of timestamps."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from emolive.clock import now_ns, to_ns
from emolive.session.config import SessionConfig
from emolive.session.session import Session
from emolive.snapshot import Counters


def test_a_snapshot_is_consistent_and_counters_only_grow(watch):
    watched = watch("demo")
    empty = Session(SessionConfig()).snapshot()
    assert (empty.frame, empty.estimate, empty.counters, empty.running) == (None, None, Counters(), False)
    snapshots = []
    stop = threading.Event()

    def pull():
        while not stop.is_set():
            snapshots.append(watched.session.snapshot())
            time.sleep(0.005)

    puller = threading.Thread(target=pull)
    puller.start()
    watched.until_estimates(3)
    watched.session.set_mic("none").result(30)
    watched.until_estimates(3)
    stop.set()
    puller.join(10)
    for name in ("frames_captured", "frames_perceived", "frames_dropped", "estimates", "estimates_skipped"):
        values = [getattr(s.counters, name) for s in snapshots]
        assert values == sorted(values), name
    last = snapshots[-1]
    assert len({s.source for s in last.statuses}) == len(last.statuses)
    assert last.is_synthetic
    assert last.running
    assert last.fusion == "ia"
    assert last.frame.image.shape == (480, 640, 3)
    assert last.observation.face.points_px.shape == (68, 2)
    assert sum(last.estimate.probs) == pytest.approx(1)
    assert {s.source for s in last.statuses} >= {"camera", "microphone", "face", "voice", "model", "latency"}


def test_pulling_snapshots_stalls_nothing(watch):
    watched = watch("demo")
    watched.until_estimates(1)
    before = watched.session.snapshot().counters
    for _ in range(3000):
        watched.session.snapshot()

    def goes_on() -> bool:
        after = watched.session.snapshot().counters
        return after.estimates > before.estimates + 2 and after.frames_perceived > before.frames_perceived + 5

    # Without a pause between two.
    deadline_ns = now_ns() + to_ns(120)
    while not goes_on():
        assert now_ns() < deadline_ns, "frames and estimates"


@pytest.mark.parametrize("paced", [True, False])
def test_stamps_are_in_the_order_of_what_happened(watch, clips, paced):
    begin_ns = now_ns()
    for e in watch(clips["full"], paced=paced).until_finished():
        assert begin_ns < e.stamps.capture_ns <= e.stamps.start_ns <= e.stamps.end_ns <= now_ns()
        assert sum(e.probs) == pytest.approx(1, abs=1e-5)
        assert e.confidence == max(e.probs)
        assert np.isfinite(e.raw_probs).all()


def test_answers_are_explained_on_request(watch):
    watched = watch("demo")
    watched.until_estimates(1)
    assert watched.session.snapshot().explanation is None
    watched.session.set_explaining(True)
    watched.until(lambda: watched.session.snapshot().explanation is not None, "an explanation")
    explanation = watched.session.snapshot().explanation
    assert explanation.label in watched.session.snapshot().estimate.labels
    assert 0 <= explanation.face_share <= 1
    watched.session.set_explaining(False)
    watched.until(lambda: watched.session.snapshot().explanation is None, "no explanation")
