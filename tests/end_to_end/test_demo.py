"""A session on the synthetic demo: face, voice, estimates."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from emolive.models.spec import EMOTIONS
from emolive.session.config import SessionConfig
from emolive.session.session import Session
from emolive.types import UNSURE, Estimate, FaceObservation
from tests.helpers.listener import eventually

SECONDS = 7


class DemoRun(NamedTuple):
    """A session on the demo with its results."""

    session: Session
    estimates: list[Estimate]
    observations: list[FaceObservation]
    paced: bool


@pytest.fixture(scope="module", params=[True, False], ids=["paced", "unpaced"])
def demo_session(request, random_checkpoint) -> Iterator[DemoRun]:
    """A session that has played the demo for some seconds, with its estimates and observations."""
    config = SessionConfig(
        source="demo", checkpoint=random_checkpoint("ia"), device="cpu", paced=request.param
    )
    estimates: list[Estimate] = []
    observations: list[FaceObservation] = []

    def keep(estimate: Estimate) -> None:
        estimates.append(estimate)
        if (newest := session.snapshot().observation) is not None:
            observations.append(newest)

    before = set(threading.enumerate())
    session = Session(config)
    session.subscribe(keep)
    session.start()
    # The time until the model is loaded does not count.
    eventually(
        lambda: estimates and estimates[-1].t_s > estimates[0].t_s + SECONDS, f"{SECONDS} s of the demo", 90
    )
    yield DemoRun(session, list(estimates), list(observations), request.param)
    assert session.stop(20)
    eventually(
        lambda: not [t for t in set(threading.enumerate()) - before if t.name.startswith("emolive-")],
        "the end of all threads",
    )


def test_the_face_is_detected_in_nearly_every_frame(demo_session):
    observations = demo_session.observations
    has_face = [o.face is not None and o.features is not None for o in observations]
    assert len(has_face) > 20
    assert sum(has_face) >= 0.95 * len(has_face)


def test_speech_is_detected_and_both_modalities_are_used(demo_session):
    session, estimates = demo_session.session, demo_session.estimates
    later = [e for e in estimates if e.t_s > estimates[0].t_s + 2]
    share = sum(e.modality == "av" for e in later) / len(later)
    assert share > 0 if demo_session.paced else share >= 0.8
    codes = {status.source: status.code for status in session.snapshot().statuses}
    assert codes["model"] == "ready"
    # Live, a slow computer may just have looked at no picture.
    eventually(
        lambda: ("face", "found") in ((s.source, s.code) for s in session.snapshot().statuses),
        "the status of the face",
        60,
    )


def test_every_label_belongs_to_the_model(demo_session):
    estimates = demo_session.estimates
    for estimate in estimates:
        assert estimate.labels == EMOTIONS
        assert estimate.label in (*EMOTIONS, UNSURE)
        assert sum(estimate.probs) == pytest.approx(1, abs=1e-5)
        assert estimate.stamps.capture_ns <= estimate.stamps.start_ns <= estimate.stamps.end_ns


def test_estimates_come_at_the_bin_rate(demo_session):
    estimates = demo_session.estimates
    hops = [round(e.t_s / 0.24) for e in estimates]
    if demo_session.paced:
        # A slow computer leaves out what is late, and bins in which it looked at too few pictures.
        assert hops == sorted(set(hops))
    else:
        assert hops == list(range(hops[0], hops[0] + len(hops)))
        # The first estimate needs a face in a third of a window, or some speech.
        assert hops[0] * 0.24 < 1.5


def test_it_is_labelled_as_drawn(demo_session):
    snapshot = demo_session.session.snapshot()
    assert snapshot.is_synthetic
    assert snapshot.frame.image.shape == (480, 640, 3)


def test_it_needs_no_file_and_no_device(monkeypatch, tmp_path: Path, random_checkpoint):
    """On a computer without any camera, "auto" is the demo."""
    from emolive.capture import devices

    monkeypatch.setattr(devices, "cameras", lambda: [])
    monkeypatch.chdir(tmp_path)
    session = Session(SessionConfig(checkpoint=random_checkpoint("ia"), device="cpu"))
    try:
        session.start()
        assert session.snapshot().is_synthetic
    finally:
        assert session.stop(20)
