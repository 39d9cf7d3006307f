"""The live session: its results, its statuses, what it survives, and that no thread outlives it."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from itertools import pairwise

import numpy as np
import pytest

from emolive.clock import now_ns
from emolive.errors import EmoliveError
from emolive.session.calibration import load_profile
from emolive.session.config import SessionConfig
from emolive.session.model_loader import ModelLoader
from emolive.session.pipeline import LivePipeline
from emolive.session.session import Session
from emolive.types import Counters
from emolive.vision.face_pipeline import FacePipeline

FUSIONS = ("lt", "it", "ia")


@pytest.fixture
def assets(shipped_random, monkeypatch):
    """lt, it and ia with random weights in the place of the shipped ones."""
    monkeypatch.setenv("EMOLIVE_ASSETS", str(shipped_random))


# --- switching


def test_the_fusion_is_switched_while_running_without_a_dropped_frame(watch, assets):
    watched = watch("demo", checkpoint=None, fusion="ia")
    watched.until_estimates(3)
    before = watched.session.snapshot().counters
    answered = []
    for fusion in ("lt", "it", "ia", "it"):
        watched.session.set_fusion(fusion)
        watched.until(lambda f=fusion: watched.estimates[-1].fusion == f, f"an answer of {fusion}")
        answered.append(watched.session.snapshot().fusion)
    counters = watched.session.snapshot().counters
    assert answered == ["lt", "it", "ia", "it"]
    # A frame may come late on a busy computer; a switch that holds frames up would cost a second of them.
    captured = counters.frames_captured - before.frames_captured
    assert counters.frames_dropped - before.frames_dropped <= 1 + 0.03 * captured
    # The old one answered until the new one did: no hop is missing.
    assert counters.estimates_skipped == 0
    hops = [round(e.t_s / 0.24) for e in watched.estimates]
    assert hops == list(range(hops[0], hops[0] + len(hops)))
    assert watched.code("model") == "ready"


def running_seconds(watched) -> int:
    """Of the running baseline, as its status says."""
    return int(re.search(r"the (\d+) s of this face", watched.status("baseline").text).group(1))


def test_running_statistics_survive_a_change_of_fusion(watch, assets):
    watched = watch("demo", checkpoint=None)
    watched.until_estimates(10)
    before = running_seconds(watched)
    assert before >= 1
    watched.session.set_fusion("lt")
    watched.until(lambda: watched.estimates[-1].fusion == "lt", "an estimate of lt")
    assert running_seconds(watched) >= before


def test_of_many_requested_models_the_last_one_answers(watch, assets):
    watched = watch("demo", checkpoint=None)
    for fusion in ("lt", "it", "lt", "it", "lt"):
        watched.session.set_fusion(fusion)
    watched.until(lambda: watched.session.model_settled, "the model")
    watched.until_estimates(2)
    assert watched.estimates[-1].fusion == "lt"


def test_an_unknown_fusion_is_refused_and_the_old_one_answers_on(watch):
    watched = watch("demo")
    watched.until_estimates(1)
    with pytest.raises(EmoliveError, match=r"no fusion named xy: .* lt, it, ia"):
        watched.session.set_fusion("xy")
    watched.until_estimates(2)
    assert watched.code("model") == "ready"


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


def test_frames_captured_while_the_model_loads_are_in_the_first_window(watch, monkeypatch):
    loaded, load = threading.Event(), ModelLoader._load_predictor

    def late(loader, request):
        assert loaded.wait(60)
        return load(loader, request)

    monkeypatch.setattr(ModelLoader, "_load_predictor", late)
    watched = watch("demo", mic="none")
    try:
        # A face has to be there for a third of the window before there is an estimate.
        watched.until(lambda: watched.session.snapshot().counters.frames_perceived >= 30, "thirty frames")
        snapshot = watched.session.snapshot()
        assert snapshot.observation.face is not None
        assert (snapshot.fusion, snapshot.estimate, watched.code("model")) == ("", None, "loading")
    finally:
        loaded.set()
    watched.until_estimates(1)
    first = watched.estimates[0]
    assert first.modality == "v"
    # A third of the window must have a face: with frames from after the model only, that takes 1.2 s.
    assert first.t_ns - snapshot.observation.t_ns < 1.2e9


def test_devices_open_before_anything_large_is_imported():
    code = (
        "import sys; from emolive.session.session import Session; Session();"
        "import emolive.capture.camera, emolive.capture.microphone, emolive.capture.synthetic;"
        "print([name for name in ('torch', 'scipy.signal', 'mediapipe') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_another_source_starts_at_time_zero(watch, clips):
    watched = watch(clips["video_only"], loop=True)
    watched.until_estimates(2)
    assert watched.estimates[-1].modality == "v"
    before = watched.session.snapshot().counters
    watched.session.set_source("demo").result(30)
    assert watched.session.snapshot().is_synthetic
    count = len(watched.estimates)
    watched.until_estimates(3)
    assert watched.estimates[count].t_s < 2
    assert watched.estimates[count].source == "demo"
    assert watched.estimates[count - 1].source == str(clips["video_only"])
    after = watched.session.snapshot().counters
    assert after.frames_captured > before.frames_captured
    assert after.estimates > before.estimates


@pytest.mark.parametrize("missing", ["missing.mp4", "no such camera", "", "gopher://x/y"])
def test_a_source_that_is_not_there_is_refused_and_the_old_one_goes_on(watch, missing):
    watched = watch("demo")
    watched.until_estimates(1)
    microphone, before = watched.status("microphone"), watched.estimates[-1].t_s
    with pytest.raises(EmoliveError):
        watched.session.set_source(missing).result(30)
    watched.until_estimates(2)
    assert watched.estimates[-1].t_s > before
    assert watched.status("microphone") == microphone


def test_a_microphone_that_is_not_there_is_refused_and_the_old_sound_goes_on(watch):
    watched = watch("demo")
    watched.until_estimates(1)
    with pytest.raises(EmoliveError):
        watched.session.set_mic("no such microphone").result(30)
    watched.until_estimates(2)
    assert watched.session.snapshot().voice_dbfs > -120


def test_without_a_microphone_the_face_goes_on_alone_and_back(watch):
    watched = watch("demo")
    watched.until_estimates(1)
    watched.session.set_mic("none").result(30)
    count = len(watched.estimates)
    watched.until(lambda: len(watched.estimates) > count + 1, "estimates")
    assert watched.estimates[-1].modality == "v"
    assert watched.code("microphone") == watched.code("voice") == "none"
    watched.session.set_mic("auto").result(30)
    watched.until(lambda: "a" in watched.estimates[-1].modality, "a voice")
    assert watched.code("voice") == "speech"


def test_neither_picture_nor_sound_is_refused(watch):
    watched = watch("none", mic="none", start=False)
    with pytest.raises(EmoliveError, match="neither a picture nor a sound"):
        watched.session.start()
    assert not watched.session.snapshot().running


# --- streams that are missing


def test_a_file_without_audio_is_estimated_from_the_face(watch, clips):
    estimates = (watched := watch(clips["video_only"], paced=False)).until_finished()
    assert {e.modality for e in estimates} == {"v"}
    assert (watched.code("microphone"), watched.code("voice"), watched.code("face")) == (
        "none",
        "none",
        "found",
    )


def test_a_file_without_video_is_estimated_from_the_voice(watch, clips):
    estimates = (watched := watch(clips["audio_only"], paced=False)).until_finished()
    assert {e.modality for e in estimates} == {"a"}
    assert (watched.code("camera"), watched.code("face"), watched.code("voice")) == ("none", "none", "speech")
    assert watched.session.snapshot().frame is None


def test_silence_is_masked_and_reported(watch, clips):
    estimates = (watched := watch(clips["silence"], paced=False)).until_finished()
    assert {e.modality for e in estimates} == {"v"}
    assert watched.code("voice") == "silent"
    mute = watch(clips["video_only"], paced=False).until_finished()
    assert [e.raw_probs for e in estimates] == [e.raw_probs for e in mute]


def test_an_absent_face_is_reported(watch, clips):
    watched = watch(clips["absent_face"], paced=False)
    codes = set()
    watched.session.subscribe(lambda _: codes.add(watched.code("face")))
    estimates = watched.until_finished()
    spans = [e.t_s for e in estimates]
    assert max(b - a for a, b in pairwise(spans)) > 5, "nothing is said of an empty room"
    assert codes == {"found", "missing"}


# --- the person


def test_a_face_that_was_away_for_long_may_be_another_s(watch, clips):
    counts = []
    watched = watch(clips["absent_face"], paced=False)
    watched.session.subscribe(lambda e: counts.append((e.t_s, running_seconds(watched))))
    watched.until_finished()
    before = [n for t, n in counts if t < 3]
    after = [n for t, n in counts if t > 11.5]
    assert max(before) >= 2
    assert min(after) < 2
    assert [n for _, n in counts] != sorted(n for _, n in counts)


def test_a_calibration_is_saved_and_loaded_by_the_next_session(watch):
    watched = watch("demo", person="Ann")
    watched.until_estimates(1)
    watched.session.calibrate(1.5)
    watched.until(lambda: watched.session.snapshot().calibration is not None, "the calibration", 1)
    assert watched.session.snapshot().calibration < 1
    assert watched.code("baseline") == "calibrating"
    watched.until(lambda: watched.session.snapshot().calibration is None, "the end of the calibration")
    assert watched.session.snapshot().baseline == "neutral"
    watched.until(lambda: watched.estimates[-1].baseline == "neutral", "an answer against the neutral")
    predictor = watched.session._inference.pipeline.predictor
    watched.until(lambda: load_profile(predictor, "Ann").exists, "the file")
    assert load_profile(predictor, "Ann").profile.neutral.video.count >= 5
    watched.session.stop()
    again = watch("demo", person="Ann", baseline="neutral")
    again.until_estimates(1)
    assert again.estimates[0].baseline == "neutral"
    again.session.set_person("Bob")
    again.until(lambda: again.estimates[-1].baseline == "none", "an answer for Bob, whom nobody calibrated")
    assert again.session.snapshot().person == "Bob"
    again.session.set_person("Ann")
    again.until(lambda: again.estimates[-1].baseline == "neutral", "an answer for Ann")


def test_a_calibration_without_face_and_voice_fails(watch, clips):
    watched = watch(clips["absent_face"], loop=True)
    watched.until(lambda: watched.estimates and watched.estimates[-1].t_s > 2.3, "the last of the face")
    time.sleep(1.0)
    watched.session.calibrate(0.8)
    watched.until(lambda: watched.code("baseline") == "failed", "the end of the calibration")
    assert watched.session.snapshot().calibration is None
    assert watched.session.snapshot().baseline == "running"


def test_a_file_that_ends_meanwhile_ends_the_calibration(watch, clips):
    watched = watch(clips["video_only"])
    watched.until_estimates(1)
    watched.session.calibrate(60)
    watched.until(lambda: watched.session.snapshot().calibration is not None, "the calibration", 1)
    watched.until_finished()
    watched.until(lambda: watched.session.snapshot().calibration is None, "the end of the calibration")
    assert watched.session.snapshot().baseline == "neutral"


def test_a_calibration_is_refused_where_it_cannot_be(watch, clips, random_checkpoint):
    watched = watch(clips["video_only"], paced=False, start=False)
    with pytest.raises(EmoliveError, match="Nothing is playing"):
        watched.session.calibrate()
    watched.session.start()
    with pytest.raises(EmoliveError, match="faster than real time"):
        watched.session.calibrate()
    watched.until_finished()
    raw = watch("demo", checkpoint=random_checkpoint("ia", baselines=()))
    raw.until_estimates(1)
    with pytest.raises(EmoliveError, match="raw features"):
        raw.session.calibrate()
    with pytest.raises(EmoliveError, match="some seconds"):
        raw.session.calibrate(0)
    with pytest.raises(EmoliveError, match="needs a name"):
        raw.session.set_person("  ")


# --- beginning and ending


def test_stopping_while_loading(watch):
    for _ in range(3):
        watched = watch("demo")
        assert watched.session.stop(20)
        assert not watched.session.snapshot().running


def test_stopping_is_idempotent_and_final(watch, clips):
    watched = watch(clips["full"])
    watched.until_estimates(1)
    assert watched.session.stop(20)
    assert watched.session.stop(20)
    count, frames = len(watched.estimates), watched.session.snapshot().counters.frames_captured
    time.sleep(0.4)
    assert len(watched.estimates) == count
    assert watched.session.snapshot().counters.frames_captured == frames
    with pytest.raises(EmoliveError, match="has been stopped"):
        watched.session.start()
    with pytest.raises(EmoliveError, match="has been stopped"):
        watched.session.set_source("demo")
    assert not watched.session.snapshot().running


def test_a_session_that_was_never_started_stops_too(watch):
    assert watch("demo", start=False).session.stop()


def test_starting_twice_is_starting_once(watch):
    watched = watch("demo")
    watched.until_estimates(1)
    before = watched.estimates[-1].t_s
    watched.session.start()
    watched.until_estimates(1)
    assert watched.estimates[-1].t_s > before


def test_requests_return_at_once_and_stop_is_timely_while_a_source_opens(watch, monkeypatch):
    from emolive.session import stream

    watched = watch("demo")
    watched.until_estimates(1)
    search_started, search_ended = threading.Event(), threading.Event()
    real = stream.open_spec

    def slow(spec, **options):
        search_started.set()
        assert search_ended.wait(30)
        return real(spec, **options)

    monkeypatch.setattr(stream, "open_spec", slow)
    start_ns = now_ns()
    change = watched.session.set_source("demo")
    assert now_ns() - start_ns < 0.5e9
    assert search_started.wait(10)
    watched.until_estimates(2)
    assert watched.session.stop(20)
    assert not search_ended.is_set()
    search_ended.set()
    change.result(20)
    assert not watched.session.snapshot().running


def test_as_a_context_it_starts_and_stops(random_checkpoint, clips):
    config = SessionConfig(source=str(clips["video_only"]), checkpoint=random_checkpoint("ia"), device="cpu")
    with Session(config) as session:
        assert session.snapshot().running
    assert not session.snapshot().running


def test_the_end_of_a_file_is_reported(watch, clips):
    watched = watch(clips["video_only"])
    watched.until_estimates(1)
    assert not watched.session.finished
    assert not watched.session.snapshot().ended
    watched.until_finished()
    snapshot = watched.session.snapshot()
    assert snapshot.ended
    assert snapshot.running
    assert watched.code("camera") == "ended"
    # What the end of the film was stays to be seen.
    assert snapshot.estimate is watched.estimates[-1]


def test_a_loop_goes_on_past_the_end(watch, clips):
    watched = watch(clips["video_only"], loop=True, paced=False)
    watched.until(lambda: watched.estimates and watched.estimates[-1].t_s > 7, "the third round")
    assert not watched.session.finished


# --- faults


def test_a_subscriber_that_fails_stops_nothing(watch, clips):
    for paced in (True, False):
        watched = watch(clips["video_only"], paced=paced, start=False)
        received, after = [], []

        def fail(estimate, received=received):
            received.append(estimate)
            raise RuntimeError("a bug of a subscriber")

        watched.session.subscribe(fail)
        watched.session.subscribe(after.append)
        watched.session.start()
        watched.until_finished()
        assert len(received) == len(after) == len(watched.estimates) > 1


def test_a_subscription_that_is_closed_gets_nothing_more(watch):
    watched = watch("demo")
    first, second = [], []
    with watched.session.subscribe(first.append):
        subscription = watched.session.subscribe(second.append)
        watched.until(lambda: first and second, "estimates for both")
        subscription.close()
        subscription.close()
    time.sleep(0.1)
    counts = len(first), len(second)
    watched.until_estimates(2)
    assert (len(first), len(second)) == counts


@pytest.mark.parametrize(
    ("part", "paced"),
    [
        ((FacePipeline, "process"), False),
        ((LivePipeline, "predict"), True),
        ((LivePipeline, "predict"), False),
    ],
)
def test_a_fault_in_one_part_is_reported_and_the_file_is_played_to_its_end(
    watch, clips, monkeypatch, part, paced
):
    (owner, name), calls = part, []
    real = getattr(owner, name)

    def sometimes(self, *args):
        calls.append(1)
        if len(calls) % 7 == 6:
            raise RuntimeError("out of memory")
        return real(self, *args)

    monkeypatch.setattr(owner, name, sometimes)
    watched = watch(clips["video_only"], paced=paced)
    codes = set()
    watched.session.subscribe(lambda _: codes.add(watched.code("model")))
    watched.until_finished()
    assert len(watched.estimates) > 1
    if name == "predict":
        assert "failed" in codes


def test_a_file_deleted_before_playback_is_reported(watch, clips, tmp_path):
    path = tmp_path / "gone.mkv"
    path.write_bytes(clips["video_only"].read_bytes())
    watched = watch(path, start=False)
    watched.session.start()
    path.unlink()
    watched.until_finished()
    status = watched.status("camera")
    assert status.level in ("error", "info")


# --- snapshots


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
    watched.until_estimates(2)
    before = watched.session.snapshot().counters
    start_ns = now_ns()
    for _ in range(3000):
        watched.session.snapshot()
    assert (now_ns() - start_ns) / 3000 < 20e6
    watched.until_estimates(2)
    assert watched.session.snapshot().counters.estimates_skipped == before.estimates_skipped


@pytest.mark.parametrize("paced", [True, False])
def test_stamps_are_in_the_order_of_what_happened(watch, clips, paced):
    begin_ns = now_ns()
    for e in watch(clips["full"], paced=paced).until_finished():
        assert begin_ns < e.stamps.capture_ns <= e.stamps.start_ns <= e.stamps.end_ns <= now_ns()
        assert sum(e.probs) == pytest.approx(1, abs=1e-5)
        assert e.confidence == max(e.probs)
        assert np.isfinite(e.raw_probs).all()
