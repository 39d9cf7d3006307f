"""Nothing old, ended or gone is shown as present."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emolive.gui.calibration_guide import CALIBRATION_S, PREPARE_S, CalibrationGuide
from emolive.gui.device_check import device_check
from emolive.gui.marks import FACE_LOST_NS, MarkTracker
from emolive.gui.presenter import WindowPresenter
from emolive.gui.truth import LOG_LENGTH, StatusLog, refused_model, truthful_statuses
from emolive.gui.video_presenter import PICTURE_STALE_S, VideoPresenter
from emolive.session.config import SessionConfig
from emolive.types import BoundingBox, Face, FaceObservation, FaceQuality, Frame, Status
from tests.gui.test_presenter import FakeClock, Settings, estimate, frame, snapshot

GOOD = (
    Status("face", "ok", "found", "A face is tracked."),
    Status("voice", "ok", "speech", "Speech is detected."),
    Status("camera", "ok", "live", "The camera runs."),
    Status("microphone", "ok", "live", "The microphone runs."),
    Status("latency", "ok", "measured", "84 ms"),
    Status("model", "ok", "ready", "ia runs."),
)


def green(statuses: tuple[Status, ...]) -> set[str]:
    return {status.source for status in statuses if status.level == "ok"}


def test_everything_good_of_the_present_stays_green() -> None:
    assert truthful_statuses(snapshot(statuses=GOOD, estimate=estimate()), None) == GOOD


def test_nothing_of_an_ended_file_is_green() -> None:
    shown = truthful_statuses(snapshot(statuses=GOOD, estimate=estimate(), ended=True), None)
    assert green(shown) == {"model"}
    assert {status.code for status in shown if status.source in ("face", "voice")} == {"ended"}


def test_an_old_picture_has_no_green_camera_and_face() -> None:
    shown = truthful_statuses(snapshot(statuses=GOOD, estimate=estimate()), 7.0)
    assert green(shown) == {"voice", "microphone", "latency", "model"}
    assert next(status for status in shown if status.source == "camera").level == "warning"


def test_without_a_microphone_no_voice_is_green() -> None:
    gone = Status("microphone", "error", "lost", "The microphone is gone.")
    statuses = (*(status for status in GOOD if status.source != "microphone"), gone)
    assert "voice" not in green(truthful_statuses(snapshot(statuses=statuses), None))


def test_a_drawing_is_no_camera_and_no_microphone() -> None:
    statuses = tuple(status for status in GOOD if status.source != "microphone")
    shown = truthful_statuses(snapshot(statuses=statuses, estimate=estimate(), is_synthetic=True), None)
    parts = {status.source: (status.level, status.code) for status in shown}
    assert parts["camera"] == parts["microphone"] == ("info", "demo")
    with_microphone = snapshot(statuses=GOOD, estimate=estimate(), is_synthetic=True)
    assert "microphone" in green(truthful_statuses(with_microphone, None)), "a real one is in use"
    picture, *others = device_check(snapshot(is_synthetic=True, frame=frame(), voice_dbfs=-20.0))
    assert picture.state == "doubt"
    assert {check.state for check in others} == {"wait"}, "a drawn voice is not the user's"


def test_a_worse_status_is_kept() -> None:
    stalled = Status("camera", "error", "stalled", "The camera sends no frames.")
    assert stalled in truthful_statuses(snapshot(statuses=(stalled,)), 7.0)


def test_a_refused_checkpoint_is_a_passing_sentence() -> None:
    refused = Status("model", "error", "refused", "x.safetensors is no checkpoint.")
    presenter = WindowPresenter(VideoPresenter(Settings()))
    answering = snapshot(statuses=(refused,), estimate=estimate())
    for _ in range(3):
        state = presenter.present(answering, SessionConfig(source="demo"))
    assert state.status.statuses == (Status("model", "ok", "ia", "The fusion ia answers."),)
    assert state.status.line.text == ""
    assert state.status.notice is not None
    assert (state.status.notice.number, state.status.notice.text) == (1, refused.text)
    assert [entry.text for entry in presenter.log.entries] == [refused.text]


def test_without_any_model_the_refusal_stays() -> None:
    refused = Status("model", "error", "refused", "x.safetensors is no checkpoint.")
    assert refused_model(snapshot(statuses=(refused,), fusion="")) is None
    assert truthful_statuses(snapshot(statuses=(refused,), fusion=""), None) == (refused,)


# --- the picture


def test_an_old_picture_says_how_old_it_is_and_loses_face_and_label() -> None:
    clock = FakeClock()
    presenter = VideoPresenter(Settings(), clock)
    now_ns = round(clock.now_s * 1e9)
    face = Face(BoundingBox(0, 0, 1, 1), 0.9)
    live = snapshot(frame=frame(now_ns), observation=FaceObservation(now_ns, face, None))
    assert presenter.present(live, None, "0").stale == ""
    assert presenter.present(live, None, "0").face is face
    clock.now_s += PICTURE_STALE_S + 10.6
    old = presenter.present(live, None, "0")
    assert old.stale == "This picture is 12 s old."
    assert (old.face, old.estimate) == (None, None)
    assert presenter.present(live, None, "clip.mp4").stale == "", "a file has no age"


@pytest.mark.parametrize(
    ("status", "title", "offers"),
    [
        (None, "One moment…", False),
        (Status("camera", "ok", "live", "The drawn demo plays."), "One moment…", False),
        (Status("camera", "info", "none", "There is no picture."), "No video", False),
        (Status("camera", "error", "missing", "The camera is in use."), "No video", True),
    ],
)
def test_without_a_picture_it_says_why(status: Status | None, title: str, offers: bool) -> None:
    statuses = () if status is None else (status,)
    message = VideoPresenter(Settings()).present(snapshot(statuses=statuses), None, "0").message
    assert message is not None
    assert (message.title, message.offers, message.busy) == (title, offers, title == "One moment…")


def test_a_hint_stands_at_the_face() -> None:
    clock = FakeClock()
    now_ns = round(clock.now_s * 1e9)
    presenter = VideoPresenter(Settings(), clock)
    far = Status("face", "warning", "far", "Your face is small: come closer.")
    face = Face(BoundingBox(0, 0, 1, 1), 0.9)
    seen = snapshot(frame=frame(now_ns), observation=FaceObservation(now_ns, face, None), statuses=(far,))
    assert presenter.present(seen, None, "0").hint == "Your face is small: come closer."
    missing = Status("face", "warning", "missing", "No face is detected.")
    assert presenter.present(replace(seen, statuses=(missing,)), None, "0").hint == ""


def test_the_last_answer_of_a_file_stays() -> None:
    clock = FakeClock()
    presenter = WindowPresenter(VideoPresenter(Settings(), clock), clock)
    config = SessionConfig(source="a.mp4")
    presenter.present(snapshot(frame=frame(), estimate=estimate(t_ns=5)), config)
    clock.now_s += 60
    ended = presenter.present(snapshot(frame=frame(), estimate=estimate(t_ns=5), ended=True), config)
    assert ended.result.current is not None
    assert ended.result.ended
    assert ended.result.now_ns == 5, "the timeline stands still"
    assert ended.controls.voice_dbfs == -120.0


def test_the_level_falls_when_no_sound_arrives() -> None:
    presenter = WindowPresenter(VideoPresenter(Settings()))
    lost = Status("microphone", "error", "lost", "The microphone is gone.")
    for statuses, level in (((), -20.0), ((lost,), -120.0)):
        state = presenter.present(snapshot(statuses=statuses, voice_dbfs=-20.0), SessionConfig(source="0"))
        assert state.controls.voice_dbfs == level


def test_more_than_one_problem_is_counted() -> None:
    presenter = WindowPresenter(VideoPresenter(Settings()))
    statuses = (
        Status("voice", "warning", "x", "The first one."),
        Status("camera", "error", "y", "The graver one."),
    )
    state = presenter.present(snapshot(statuses=statuses), SessionConfig(source="0"))
    assert (state.status.line.text, state.status.others) == ("The graver one.", 1)
    assert state.status.line.tooltip == "The graver one.\nThe first one."


# --- the log


def test_the_log_names_each_appearance_once() -> None:
    clock = FakeClock()
    log = StatusLog(clock)
    stalled = Status("camera", "error", "stalled", "The camera sends no frames.")
    for _ in range(5):
        log.update((stalled,))
    log.update(())
    log.update((stalled,))
    assert [(entry.text, entry.count) for entry in log.entries] == [("The camera sends no frames.", 2)]
    log.update((Status("latency", "warning", "measured", "300 ms"),))
    log.update((Status("latency", "warning", "measured", "310 ms"),))
    assert len(log.entries) == 2, "a measured value that changes is no news"
    for index in range(LOG_LENGTH + 50):
        log.say(f"Sentence {index}.")
    assert len(log.entries) == LOG_LENGTH
    assert log.notice is not None
    assert log.notice.text == f"Sentence {LOG_LENGTH + 49}."


# --- marks


def test_marks_of_what_happened() -> None:
    marks = MarkTracker()
    found = (Status("face", "ok", "found", ""),)
    missing = (Status("face", "warning", "missing", ""),)
    calibrated = (Status("baseline", "ok", "calibrated", ""),)

    def update(t_ns: int, source: str = "0", **changes: object) -> list[tuple[str, str]]:
        return [(mark.kind, mark.text) for mark in marks.update(snapshot(**changes), source, t_ns)]

    assert update(0, statuses=found) == []
    assert update(1, statuses=missing) == [], "a moment is not worth a mark"
    assert update(1 + FACE_LOST_NS, statuses=missing) == [("face", "Face lost")]
    assert update(2 + FACE_LOST_NS, statuses=missing) == [("face", "Face lost")], "once"
    assert update(3, fusion="it")[1:] == [("fusion", "Fusion it")]
    assert update(4, fusion="it", person="Anna")[2:] == []
    assert update(5, fusion="it", person="Bert")[2:] == [("person", "Person Bert")]
    assert update(6, fusion="it", person="Bert", statuses=calibrated)[3:] == [("calibrated", "Calibrated")]
    assert update(7, "b.mp4", fusion="it", person="Bert")[4:] == [("source", "b.mp4")]


# --- calibration


def test_a_calibration_is_counted_down() -> None:
    clock = FakeClock()
    guide = CalibrationGuide(clock)
    assert guide.countdown(snapshot()) == ("", "")
    guide.begin()
    assert guide.countdown(snapshot())[0] == "3"
    clock.now_s += PREPARE_S - 0.5
    assert guide.countdown(snapshot())[0] == "1"
    assert not guide.due()
    clock.now_s += 1
    assert guide.due()
    assert not guide.due(), "once"
    assert guide.countdown(snapshot(calibration=0.0))[0] == str(round(CALIBRATION_S))
    assert guide.countdown(snapshot(calibration=0.99))[0] == "1"


@pytest.mark.parametrize(
    ("changes", "source", "refused"),
    [
        ({}, "0", False),
        ({}, "http://10.0.0.2/video", False),
        ({"is_synthetic": True}, "auto", True),
        ({}, "clip.mp4", True),
        ({"running": False}, "0", True),
    ],
)
def test_only_who_is_there_can_be_calibrated(changes: dict[str, object], source: str, refused: bool) -> None:
    assert bool(CalibrationGuide().refusal(snapshot(**changes), source)) is refused
    assert CalibrationGuide().refusal(None, source)


# --- the check of the devices


def test_the_check_of_the_devices() -> None:
    assert [check.state for check in device_check(None)] == ["wait"] * 4
    picture = Frame(0, np.zeros((480, 640, 3), np.uint8), 0)

    def states(light: float, height_px: float, dbfs: float) -> list[str]:
        face = Face(BoundingBox(0, 0, height_px, height_px), 0.9)
        seen = FaceObservation(0, face, None, quality=FaceQuality(height_px, light, 0.3, 0, 0))
        return [
            check.state for check in device_check(snapshot(frame=picture, observation=seen, voice_dbfs=dbfs))
        ]

    assert states(0.5, 200, -20) == ["ok"] * 4
    assert states(0.05, 30, -80) == ["ok", "doubt", "doubt", "doubt"]
    assert states(0.97, 200, -1) == ["ok", "doubt", "ok", "doubt"]
