"""Models of a running session: replaced, refused, loaded in the background."""

from __future__ import annotations

import subprocess
import sys
import threading
from itertools import pairwise

import pytest

from emolive.errors import EmoliveError
from emolive.session.config import SessionConfig
from emolive.session.model_loader import ModelLoader
from emolive.session.session import Session
from emolive.vision.face_pipeline import FacePipeline

FUSIONS = ("lt", "it", "ia")


def test_the_fusion_is_switched_while_running_without_a_dropped_frame(watch, assets, clips):
    # Nothing is dropped for being late in a source that is not paced: a gap would be due to the switch.
    watched = watch(clips["video_only"], checkpoint=None, fusion="ia", paced=False, loop=True)
    watched.until_estimates(3)
    answered = []
    for fusion in ("lt", "it", "ia", "it"):
        watched.session.set_fusion(fusion)
        watched.until(lambda f=fusion: watched.estimates[-1].fusion == f, f"an answer of {fusion}")
        answered.append(watched.session.snapshot().fusion)
    counters = watched.session.snapshot().counters
    assert answered == ["lt", "it", "ia", "it"]
    assert (counters.frames_dropped, counters.estimates_skipped) == (0, 0)
    # The old model is in use until the new one is ready: no bin is missing.
    estimates = list(watched.estimates)
    hops = [round(e.t_s / 0.24) for e in estimates]
    assert hops == list(range(hops[0], hops[0] + len(hops)))
    switches = [a.fusion for a, b in pairwise(estimates) if a.fusion != b.fusion]
    assert switches == ["ia", "lt", "it", "ia"]
    watched.until(lambda: watched.code("model") == "ready", "the end of loading")


def test_frames_and_estimates_go_on_while_a_model_loads(watch, assets, monkeypatch):
    loaded, load = threading.Event(), ModelLoader._load_predictor
    watched = watch("demo", checkpoint=None, fusion="ia")
    watched.until_estimates(1)

    def late(loader, request):
        assert loaded.wait(150)
        return load(loader, request)

    monkeypatch.setattr(ModelLoader, "_load_predictor", late)
    try:
        watched.session.set_fusion("lt")
        frames = watched.session.snapshot().counters.frames_perceived
        watched.until_estimates(2)
        watched.until(lambda: watched.session.snapshot().counters.frames_perceived > frames, "a frame")
        assert watched.estimates[-1].fusion == "ia"
    finally:
        loaded.set()
    watched.until(lambda: watched.estimates[-1].fusion == "lt", "an answer of lt")


def test_running_statistics_survive_a_change_of_fusion(watch, assets, clips):
    # Not live: a computer that looks at few pictures learns nothing of the face.
    watched = watch(clips["video_only"], checkpoint=None, paced=False, loop=True)
    watched.until_estimates(1)
    watched.until(lambda: watched.running_face_s() >= 1, "a second of the face")
    before = watched.running_face_s()
    watched.session.set_fusion("lt")
    watched.until(lambda: watched.estimates[-1].fusion == "lt", "an estimate of lt")
    assert watched.running_face_s() >= before


def test_of_many_requested_models_the_last_one_answers(watch, assets):
    watched = watch("demo", checkpoint=None)
    for fusion in ("lt", "it", "lt", "it", "lt"):
        watched.session.set_fusion(fusion)
    watched.until(lambda: watched.session.model_settled, "the model")
    watched.until(lambda: watched.estimates and watched.estimates[-1].fusion == "lt", "the last one")
    watched.until_estimates(2)
    assert [estimate.fusion for estimate in watched.estimates[-2:]] == ["lt", "lt"]


def test_an_unknown_fusion_is_refused_and_the_old_one_answers_on(watch):
    watched = watch("demo")
    watched.until_estimates(1)
    with pytest.raises(EmoliveError, match=r"no fusion named xy: .* lt, it, ia"):
        watched.session.set_fusion("xy")
    watched.until_estimates(2)
    watched.until(lambda: watched.code("model") == "ready", "the status of the old one")


def test_an_unknown_baseline_is_refused():
    with pytest.raises(EmoliveError, match="no baseline odd: choose none, neutral, running"):
        Session(SessionConfig(baseline="odd"))
    session = Session(SessionConfig())
    with pytest.raises(EmoliveError, match="no baseline odd"):
        session.set_baseline("odd")


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 a pickle", b"nonsense" * 9])
def test_a_failed_checkpoint_is_reported_and_video_continues(watch, tmp_path, content):
    path = tmp_path / "odd.safetensors"
    if content is not None:
        path.write_bytes(content)
    watched = watch("demo", checkpoint=path)
    watched.until(lambda: watched.code("model") == "refused", "the refusal")
    status = watched.status("model")
    assert status.level == "error"
    assert str(path) in status.text
    frames = watched.session.snapshot().counters.frames_captured
    watched.until(lambda: watched.session.snapshot().counters.frames_captured > frames + 5, "more frames")
    assert not watched.estimates


def test_a_model_that_does_not_load_later_leaves_the_old_one_at_work(watch, tmp_path, random_checkpoint):
    watched = watch("demo")
    watched.until_estimates(1)
    watched.session.set_checkpoint(tmp_path / "gone.safetensors")
    watched.until(lambda: watched.code("model") == "refused", "the refusal")
    watched.until_estimates(2)
    watched.session.set_checkpoint(random_checkpoint("lt"))
    watched.until(lambda: watched.estimates[-1].fusion == "lt", "an answer of lt")


def test_a_failure_after_loading_is_reported_and_the_next_model_loads(watch, monkeypatch, random_checkpoint):
    def broken(*_):
        raise EmoliveError("The landmark predictor is not installed.")

    with monkeypatch.context() as patch:
        patch.setattr(FacePipeline, "for_spec", broken)
        watched = watch("demo")
        watched.until(lambda: watched.session.model_settled, "an end of loading")
        assert watched.status("model").text == "The landmark predictor is not installed."
    watched.session.set_checkpoint(random_checkpoint("ia"))
    watched.until_estimates(1)


def test_frames_captured_while_the_model_loads_are_read_by_it(watch, monkeypatch):
    loaded, load = threading.Event(), ModelLoader._load_predictor

    def late(loader, request):
        assert loaded.wait(150)
        return load(loader, request)

    monkeypatch.setattr(ModelLoader, "_load_predictor", late)
    watched = watch("demo", mic="none")
    try:
        watched.until(lambda: watched.session.snapshot().counters.frames_perceived >= 10, "ten frames")
        snapshot = watched.session.snapshot()
        assert snapshot.observation.face is not None
        assert (snapshot.fusion, snapshot.estimate, watched.code("model")) == ("", None, "loading")
        features = watched.session._stream.features
        assert features.buffer.newest_ns is not None
    finally:
        loaded.set()
    watched.until_estimates(1)
    assert watched.estimates[0].modality == "v"
    # What the model reads is what was filled meanwhile, and nothing of it was thrown away.
    assert watched.session._stream.features is features
    assert features.space == watched.session._inference.pipeline._video_space


def test_devices_open_before_anything_large_is_imported():
    code = (
        "import sys; from emolive.session.session import Session; Session();"
        "import emolive.capture.camera, emolive.capture.microphone, emolive.capture.synthetic;"
        "print([name for name in ('torch', 'scipy.signal', 'mediapipe') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
