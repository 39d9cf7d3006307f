"""Hop, smoothing, device and runtime of a running session: changed without a gap."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from emolive.errors import CheckpointError, ConfigError, DeviceError
from emolive.session.config import SessionConfig
from emolive.session.session import Session


def bins(estimates):
    return [round(estimate.t_s / 0.24) for estimate in estimates]


def test_a_longer_hop_answers_less_often_and_learns_as_much(watch, assets, clips):
    watched = watch(clips["video_only"], checkpoint=None, paced=False, loop=True, hop_bins=2)
    watched.until_estimates(8)
    assert {b - a for a, b in pairwise(bins(watched.estimates))} == {2}
    # Statistics are of every bin all the same.
    assert watched.running_face_s() >= 0.24 * (2 * len(watched.estimates) - 2)
    watched.session.set_hop_bins(1)
    watched.until(lambda: 1 in {b - a for a, b in pairwise(bins(watched.estimates))}, "the shorter hop")
    counters = watched.session.snapshot().counters
    assert (counters.frames_dropped, counters.estimates_skipped) == (0, 0)


def test_smoothing_is_switched_without_forgetting(watch, assets, clips):
    watched = watch(clips["video_only"], checkpoint=None, paced=False, loop=True)
    watched.until_estimates(4)
    watched.session.set_smoothing("off")
    watched.until(lambda: watched.estimates[-1].probs == watched.estimates[-1].raw_probs, "no smoothing")
    watched.session.set_smoothing("steady")
    watched.until(lambda: watched.estimates[-1].probs != watched.estimates[-1].raw_probs, "smoothing")
    hops = bins(watched.estimates)
    assert hops == list(range(hops[0], hops[0] + len(hops)))


def test_another_runtime_takes_over_without_a_gap(watch, assets, clips):
    watched = watch(
        clips["video_only"], checkpoint=None, paced=False, loop=True, device="cpu", backend="eager"
    )
    watched.until_estimates(2)
    assert "by torch." in watched.status("model").text
    watched.session.set_backend("folded")
    watched.until(lambda: "fused layers" in watched.status("model").text, "the other runtime")
    watched.until_estimates(2)
    hops = bins(watched.estimates)
    assert hops == list(range(hops[0], hops[0] + len(hops)))


def test_what_cannot_be_is_refused_at_once():
    session = Session(SessionConfig(source="demo"))
    with pytest.raises(DeviceError, match="no device tpu"):
        session.set_device("tpu")
    with pytest.raises(ConfigError, match="no backend abacus"):
        session.set_backend("abacus")
    with pytest.raises(ConfigError, match="no hop of 3 bins: choose 1, 2, 4"):
        session.set_hop_bins(3)
    with pytest.raises(ConfigError, match="no smoothing much: choose fitted, off, steady"):
        session.set_smoothing("much")
    session.stop()


def test_an_export_stays_on_its_runtime(tmp_path):
    exported = tmp_path / "model.onnx"
    exported.write_bytes(b"")
    refused = threading.Event()

    def load(fusion, path, device, backend):
        # The file is being loaded until the other runtime was refused.
        refused.wait(60)
        raise CheckpointError(f"{path} cannot be read.")

    session = Session(SessionConfig(source="demo"), load_model=load)
    session.set_checkpoint(exported)
    with pytest.raises(ConfigError, match=r"model\.onnx is an export and runs on ONNX Runtime only"):
        session.set_backend("eager")
    refused.set()
    session.stop()
