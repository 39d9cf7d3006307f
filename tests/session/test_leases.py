"""What is shown of a device expires with it; the stall of this process is not taken for the device's."""

from __future__ import annotations

import numpy as np
import pytest

from emolive.capture.base import SourceInfo
from emolive.clock import NS_PER_S
from emolive.session import inference_worker
from emolive.session.calibration import run_inline
from emolive.session.lease_watch import LeaseWatch
from emolive.session.pipeline import LivePipeline
from emolive.session.snapshot import build_snapshot
from emolive.session.status import StatusRegistry, stream_statuses
from emolive.session.stream import Stream
from emolive.session.stream_listener import StreamListener
from emolive.snapshot import Snapshot
from emolive.types import AudioBlock, FaceObservation, Frame, Status
from emolive.windowing import FeatureWindow

STEP_NS = NS_PER_S // 10
IMAGE = np.zeros((48, 64, 3), np.uint8)
SOUND = np.random.default_rng(0).normal(0, 0.1, 4800).astype(np.float32)


class Scene:
    """A live stream on a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 10**12
        for module in (
            "clock",
            "session.stream",
            "session.stream_listener",
            "session.status",
            "session.snapshot",
        ):
            monkeypatch.setattr(f"emolive.{module}.now_ns", lambda: self.now_ns)
        info = SourceInfo("C920", has_video=True, has_audio=True, live=True)
        self.stream = Stream(
            source="0", video_info=info, audio_info=info, realtime=True, has_video=True, window_s=3.6
        )
        self.statuses = StatusRegistry()
        self.stream.start()
        self.watch = LeaseWatch(self.statuses, lambda: self.stream, lambda: True)
        self._listener = StreamListener(self.stream)
        for part in ("camera", "microphone"):
            self._listener.on_status(Status(part, "ok", "live", "It is live."))

    def passes(
        self, seconds: float, *, frames: bool = True, sound: bool = True, windows: bool = True
    ) -> None:
        for _ in range(round(10 * seconds)):
            self.now_ns += STEP_NS
            if frames:
                self._listener.on_frame(Frame(self.now_ns, IMAGE, 0))
                self.stream.observation = FaceObservation(self.now_ns, None, None)
            if sound:
                self._listener.on_audio(AudioBlock(self.now_ns - STEP_NS, SOUND, 48_000))
            if windows:
                self.stream.inference_watch.feed()
            self.watch.check(self.stream)

    def snapshot(self) -> Snapshot:
        pipeline = LivePipeline("running", "guest", self.statuses, run_inline)
        return build_snapshot("guest", self.statuses, pipeline, self.stream, running=True)

    def code(self, source: str) -> str:
        return next((s.code for s in self.snapshot().statuses if s.source == source), "")


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_what_is_shown_expires_with_the_device_and_comes_back(scene: Scene) -> None:
    scene.passes(1)
    live = scene.snapshot()
    assert (live.video_lost, live.audio_lost, live.frame_age_s, live.audio_age_s) == (False, False, 0, 0)
    assert live.voice_dbfs > -30
    assert live.observation is not None
    assert (scene.code("camera"), scene.code("microphone")) == ("live", "live")
    scene.passes(3, frames=False, sound=False)
    lost = scene.snapshot()
    assert (lost.video_lost, lost.audio_lost) == (True, True)
    assert lost.frame_age_s == lost.audio_age_s == 3
    assert (lost.voice_dbfs, lost.observation) == (-120, None)
    assert lost.frame is not None
    assert (scene.code("camera"), scene.code("microphone")) == ("stalled", "stalled")
    scene.passes(0.1)
    assert not scene.snapshot().video_lost
    assert (scene.code("camera"), scene.code("microphone")) == ("live", "live")


def test_one_stream_expires_alone(scene: Scene) -> None:
    scene.passes(1)
    scene.passes(2.5, sound=False)
    assert (scene.stream.video_lost, scene.stream.audio_lost) == (False, True)
    assert (scene.code("camera"), scene.code("microphone")) == ("live", "stalled")


def test_the_stall_of_this_process_is_not_that_of_its_devices(scene: Scene) -> None:
    scene.passes(1)
    scene.now_ns += 20 * NS_PER_S
    scene.watch.check(scene.stream)
    assert (scene.stream.video_lost, scene.stream.audio_lost) == (False, False)
    assert (scene.code("camera"), scene.code("microphone"), scene.code("model")) == ("live", "live", "")


def test_a_model_that_does_not_answer_is_said_and_what_it_measured_is_unknown(scene: Scene) -> None:
    scene.statuses.put(Status("model", "ok", "ready", "ia runs."))
    scene.stream.statuses.put(Status("face", "ok", "found", "A face is tracked."))
    scene.passes(5, windows=False)
    assert (scene.code("model"), scene.code("face")) == ("stalled", "unknown")
    scene.passes(0.2)
    assert scene.code("model") == "ready"


def test_a_stream_that_is_lost_is_not_waited_for(scene: Scene) -> None:
    scene.passes(1)
    stream = scene.stream
    stream.processed_ns = scene.now_ns
    assert inference_worker._is_complete(stream, scene.now_ns)
    scene.passes(3, sound=False)
    stream.processed_ns = scene.now_ns
    assert inference_worker._is_complete(stream, scene.now_ns)
    scene.passes(0.1)
    assert not inference_worker._is_complete(stream, scene.now_ns + NS_PER_S)


def test_a_dead_microphone_says_nothing_of_a_voice() -> None:
    empty = FeatureWindow(
        0, np.zeros((15, 2)), np.zeros(15, bool), np.zeros((30, 2)), np.zeros(30, bool), np.zeros(30, bool)
    )
    face, voice = stream_statuses(
        empty, 3.6, has_video=True, has_audio=True, video_lost=True, audio_lost=True
    )
    assert (face.code, voice.code) == ("lost", "lost")
    assert "Nobody speaks" not in voice.text
    assert "move into the picture" not in face.text


def test_a_passing_status_ends_by_itself_and_hides_nothing_graver(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0]
    monkeypatch.setattr("emolive.session.status.now_ns", lambda: now[0])
    statuses = StatusRegistry()
    statuses.put_passing(Status("face", "warning", "odd", "Odd."), 2)
    assert [status.code for status in statuses.all()] == ["odd"]
    statuses.put(Status("face", "ok", "found", "Found."), Status("model", "error", "refused", "No."))
    statuses.put_passing(Status("model", "warning", "odd", "Odd."), 2)
    assert [status.code for status in statuses.all()] == ["odd", "refused"]
    now[0] = 3 * NS_PER_S
    assert [status.code for status in statuses.all()] == ["found", "refused"]
