"""The window over a fake session: what is painted, and what each control asks for."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget

from emolive.errors import EmoliveError
from emolive.gui import strings as words
from emolive.gui.picker import Picker
from emolive.gui.ui_settings import with_remembered
from emolive.session.config import SessionConfig
from emolive.types import UNSURE, Status
from tests.helpers.fake_session import FakeDevice, FakeSession
from tests.helpers.stage import Stage

# The offscreen platform cannot pass a minimum size on to a window manager and says so.
pytestmark = [pytest.mark.qt_log_level_fail("WARNING"), pytest.mark.qt_log_ignore("propagateSizeHints")]

CLOSE_S = 3.0


def key(stage: Stage, keys: Qt.Key | str) -> None:
    stage.window.activateWindow()
    stage.until(stage.window.isActiveWindow)
    (stage.qtbot.keyClick if isinstance(keys, Qt.Key) else stage.qtbot.keyClicks)(stage.window, keys)


def pick(picker: Picker, title: str) -> None:
    next(action for action in picker.menu().actions() if action.text() == title).trigger()


def titles(picker: Picker) -> list[str]:
    return [action.text() for action in picker.menu().actions() if action.text()]


def test_picture_bars_and_timeline_are_painted(stage: Stage) -> None:
    window = stage.open()
    stage.until(lambda: window.video.painted > 20)
    assert window.reading.bars.labels == stage.session.labels
    assert sum(window.reading.bars.values) == pytest.approx(1, abs=1e-6)
    assert not window.timeline.empty
    assert window.video.tags == ("DRAWN DEMO",)
    stage.until(lambda: window.video.caption.endswith("%"))
    assert window.grab().width() == window.width()


def test_plots_are_painted_at_a_calm_rate(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    window = stage.open()
    count = 0
    show_values = window.reading.bars.show_values

    def counted(*args: object, **kwargs: object) -> None:
        nonlocal count
        count += 1
        show_values(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(window.reading.bars, "show_values", counted)
    stage.qtbot.wait(1000)
    assert 1 <= count <= 11


def test_dropdown_drives_the_fusion(stage: Stage) -> None:
    window = stage.open()
    dropdown = window.controls.fusion
    assert [dropdown.itemData(i) for i in range(dropdown.count())] == ["lt", "it", "ia"]
    assert dropdown.currentData() == "ia"
    dropdown.setCurrentIndex(0)
    dropdown.activated.emit(0)
    stage.until(lambda: stage.session.called("fusion") == ["lt"])
    stage.until(lambda: dropdown.currentData() == "lt")


@pytest.mark.parametrize(("keys", "fusion"), [("1", "lt"), ("2", "it")])
def test_keys_switch_the_fusion(stage: Stage, keys: str, fusion: str) -> None:
    window = stage.open()
    key(stage, keys)
    stage.until(lambda: stage.session.called("fusion") == [fusion])
    stage.until(lambda: window.controls.fusion.currentData() == fusion)


def test_dropdown_returns_when_the_fusion_is_refused(stage: Stage) -> None:
    window = stage.open()
    stage.session.refusal = "The fusion lt has no model here."
    window.choose_fusion("lt")
    stage.until(lambda: window.footer.text == "The fusion lt has no model here.")
    stage.until(lambda: window.controls.fusion.currentData() == "ia")
    assert window.link.config.fusion == "ia"


def test_camera_picker(stage: Stage) -> None:
    stage.cameras = lambda: (FakeDevice(0, "Front"), FakeDevice(1, "Twin"), FakeDevice(2, "Twin"))
    window = stage.open()
    picker = window.controls.source
    assert "Looking for cameras…" in titles(picker)
    picker.menu().aboutToShow.emit()
    stage.until(lambda: "Front" in titles(picker))
    pick(picker, "Front")
    stage.until(lambda: stage.session.called("source") == ["Front"])
    assert picker.title == "Front"
    assert window.video.mirrored, "a live camera is shown as in a mirror"
    [twin] = [action for action in picker.menu().actions() if action.text() == "Twin"][1:]
    twin.trigger()
    stage.until(lambda: stage.session.called("source") == ["Front", "2"])


def test_microphone_picker(stage: Stage) -> None:
    window = stage.open()
    picker = window.controls.mic
    picker.menu().aboutToShow.emit()
    stage.until(lambda: "Desk microphone" in titles(picker))
    pick(picker, "Desk microphone")
    stage.until(lambda: stage.session.called("mic") == ["Desk microphone"])
    pick(picker, "No sound")
    stage.until(lambda: stage.session.called("mic") == ["Desk microphone", "none"])


def test_devices_that_cannot_be_listed_are_said(stage: Stage) -> None:
    def fail() -> tuple[FakeDevice, ...]:
        raise EmoliveError("PortAudio is missing.")

    stage.microphones = fail
    picker = stage.open().controls.mic
    picker.menu().aboutToShow.emit()
    stage.until(lambda: "PortAudio is missing." in titles(picker))


def test_a_refused_source_goes_back_and_is_said(stage: Stage) -> None:
    window = stage.open()
    stage.session.refusal = "There is no camera named Gone."
    window.choose_source("Gone")
    stage.until(lambda: window.footer.text == "There is no camera named Gone.")
    assert window.controls.source.title == "Automatic"


def test_calibration_shows_its_progress(stage: Stage) -> None:
    window = stage.open()
    stage.qtbot.mouseClick(window.controls.calibrate, Qt.MouseButton.LeftButton)
    stage.until(lambda: stage.session.called("calibrate") == [5.0])
    stage.until(lambda: window.controls.calibrating)
    key(stage, "c")
    stage.qtbot.wait(100)
    assert stage.session.called("calibrate") == [5.0], "a running calibration is not started again"
    stage.until(lambda: not window.controls.calibrating)
    stage.until(lambda: window.controls.baseline.currentData() == "neutral")


def test_baseline_and_person(stage: Stage) -> None:
    window = stage.open()
    window.controls.baseline.setCurrentIndex(0)
    window.controls.baseline.activated.emit(0)
    stage.until(lambda: stage.session.called("baseline") == ["none"])
    window.controls.person.setFocus()
    window.controls.person.selectAll()
    stage.qtbot.keyClicks(window.controls.person, "clara")
    stage.qtbot.keyClick(window.controls.person, Qt.Key.Key_Return)
    stage.until(lambda: stage.session.called("person") == ["clara"])
    assert stage.session.called("calibrate") == [], "letters of a name are no shortcuts"


def test_hint_until_there_is_a_neutral(stage: Stage) -> None:
    window = stage.open()
    stage.session.override = {"drawn": False}
    stage.until(lambda: window.footer.text == words.HINT)
    stage.session.override = {"drawn": False, "baseline": "neutral"}
    stage.until(lambda: window.footer.text == "")


def test_chips_show_states_and_the_worst_is_put_into_words(stage: Stage) -> None:
    window = stage.open()
    chips = window.footer.chips.chips
    stage.until(lambda: chips["face"].status is not None)
    assert {"face", "voice", "camera", "microphone", "model", "latency", "baseline"} <= set(chips)
    stage.session.override = {
        "statuses": (
            Status("voice", "warning", "silent", "Nothing is heard."),
            Status("camera", "error", "stalled", "The camera sends no pictures."),
            Status("disk", "info", "new", "A source the window does not know."),
        )
    }
    stage.until(lambda: window.footer.text == "The camera sends no pictures.")
    assert "stalled" in chips["camera"].text()
    assert "The camera sends no pictures." in chips["camera"].toolTip()
    assert "disk" in chips
    stage.session.override = {"statuses": (Status("latency", "warning", "measured", "310 ms"),)}
    stage.until(lambda: window.footer.text == "Latency: 310 ms.")
    assert "310 ms" in chips["latency"].text()


@pytest.mark.parametrize(("modality", "tag"), [("a", "VOICE ONLY"), ("v", "FACE ONLY")])
def test_a_masked_modality_is_said(stage: Stage, modality: str, tag: str) -> None:
    window = stage.open()
    stage.session.modality = modality  # type: ignore[assignment]
    stage.until(lambda: tag in window.video.tags)
    assert window.reading.subline.text() == f"from {tag.lower()}"


def test_unsure_is_said(stage: Stage) -> None:
    stage.make = lambda config: FakeSession(config, labels=tuple("abcdefgh"))
    window = stage.open()
    estimate = window.link.snapshot().estimate  # type: ignore[union-attr]
    assert estimate is not None
    stage.session.override = {"estimate": replace(estimate, label=UNSURE)}
    stage.until(lambda: window.reading.headline.text() == "Unsure")
    stage.until(lambda: window.video.caption == UNSURE)


def test_bars_fade_when_nothing_is_estimated(stage: Stage) -> None:
    window = stage.open()
    stage.session.estimating = False
    stage.until(lambda: sum(window.reading.bars.values) == 0)
    assert window.video.caption == ""
    assert window.reading.headline.text() == "–"
    stage.session.estimating = True
    stage.until(lambda: sum(window.reading.bars.values) > 0.9)


def test_no_picture_is_no_error(stage: Stage) -> None:
    window = stage.open()
    status = Status("camera", "info", "none", "There is no camera; the voice goes on alone.")
    stage.session.override = {"frame": None, "statuses": (status,)}
    stage.until(lambda: "the voice goes on alone" in window.video.message)
    stage.session.override = {"frame": None, "statuses": ()}
    stage.until(lambda: "being opened" in window.video.message)


def test_other_label_sets(stage: Stage) -> None:
    stage.make = lambda config: FakeSession(config, labels=("negative", "neutral", "positive"))
    window = stage.open()
    assert window.reading.bars.labels == ("negative", "neutral", "positive")
    stage.session.labels = ("happy", "sad")
    stage.until(lambda: window.reading.bars.labels == ("happy", "sad"))
    assert window.timeline.labels == ("happy", "sad")


def test_keys_of_the_view(stage: Stage) -> None:
    window = stage.open()
    panel: QWidget = window.timeline
    key(stage, "t")
    assert not panel.isVisible()
    key(stage, "t")
    assert panel.isVisible()
    landmarks = window.video.landmarks
    key(stage, "l")
    assert window.video.landmarks is not landmarks
    key(stage, "m")
    assert window.video.mirrored
    key(stage, "?")
    assert window.help.isVisible()
    key(stage, Qt.Key.Key_Escape)
    assert not window.help.isVisible()
    key(stage, "f")
    assert window.isFullScreen()
    key(stage, Qt.Key.Key_Escape)
    assert not window.isFullScreen()


@pytest.mark.parametrize(("name", "call"), [("clip.mp4", "source"), ("model.safetensors", "checkpoint")])
def test_files_are_dropped_on_the_window(stage: Stage, tmp_path: Path, name: str, call: str) -> None:
    window = stage.open()
    path = tmp_path / name
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, buttons, keys))
    stage.until(lambda: [str(value) for value in stage.session.called(call)] == [str(path)])


def test_closing_is_quick(stage: Stage) -> None:
    stage.open()
    assert stage.close() < CLOSE_S
    assert stage.session.stopped


def test_closing_before_anything_began(stage: Stage) -> None:
    stage.open(begin=False, wait=False)
    assert stage.close() < CLOSE_S
    stage.window.begin()
    assert stage.sessions == []


def test_closing_while_it_loads(stage: Stage) -> None:
    go = threading.Event()

    def slow(config: SessionConfig) -> FakeSession:
        go.wait(20)
        return FakeSession(config)

    stage.make = slow
    window = stage.open(wait=False)
    stage.qtbot.wait(200)
    assert "Loading" in window.video.message
    threading.Timer(0.3, go.set).start()
    assert stage.close() < CLOSE_S
    assert stage.session.stopped, "a session that came too late is stopped all the same"


def test_closing_while_loading_hangs(stage: Stage) -> None:
    go = threading.Event()

    def hanging(config: SessionConfig) -> FakeSession:
        go.wait(20)
        return FakeSession(config)

    stage.make = hanging
    stage.open(wait=False)
    stage.qtbot.wait(100)
    assert stage.close() < CLOSE_S
    go.set()


def test_closing_while_stopping_hangs(stage: Stage) -> None:
    stage.open()
    stage.session.release.clear()
    took = stage.close()
    assert took < CLOSE_S
    assert not stage.session.stopped
    assert not stage.window.isVisible()


def test_a_failure_to_start_is_said_and_can_be_tried_again(stage: Stage) -> None:
    fails = True

    def sometimes(config: SessionConfig) -> FakeSession:
        if fails:
            raise EmoliveError("The model ia is missing: install emolive again.")
        return FakeSession(config)

    stage.make = sometimes
    window = stage.open(wait=False)
    stage.until(lambda: window.footer.text == "The model ia is missing: install emolive again.")
    assert window.footer.retry_button.isVisible()
    assert window.footer.chips.chips["model"].status is not None
    assert "The model ia is missing" in window.video.message
    fails = False
    stage.qtbot.mouseClick(window.footer.retry_button, Qt.MouseButton.LeftButton)
    stage.until(lambda: window.video.painted > 3)
    assert not window.footer.retry_button.isVisible()


def test_a_crash_at_the_start_is_a_sentence_too(stage: Stage) -> None:
    def crash(config: SessionConfig) -> FakeSession:
        raise RuntimeError("no such operator")

    stage.make = crash
    window = stage.open(wait=False)
    stage.until(lambda: "no such operator" in window.footer.text)


def test_another_source_after_a_failure_starts_anew(stage: Stage) -> None:
    def picky(config: SessionConfig) -> FakeSession:
        if config.source == "Gone":
            raise EmoliveError("There is no camera named Gone.")
        return FakeSession(config)

    stage.make = picky
    window = stage.open(SessionConfig(source="Gone"), wait=False)
    stage.until(lambda: window.link.state == "failed")
    pick(window.controls.source, "Drawn demo")
    stage.until(lambda: window.link.state == "running")


def test_a_run_of_limited_time_waits_for_the_model(stage: Stage) -> None:
    window = stage.open()
    assert window.link.settled
    stage.session.override = {"statuses": (Status("model", "info", "loading", "Loading ia …"),)}
    assert window.link.state == "running"
    assert not window.link.settled
    stage.session.override = {}
    assert window.link.settled


def test_choices_are_remembered(stage: Stage) -> None:
    window = stage.open()
    window.choose_fusion("it")
    window.choose_source("http://cam.example/stream")
    stage.until(lambda: bool(stage.session.called("source")))
    stage.close()
    remembered = with_remembered(SessionConfig())
    assert remembered.fusion == "it"
    assert remembered.source == "auto", "a device may be gone by the next start"
    named = with_remembered(SessionConfig(), given=("fusion",))
    assert named.fusion == "ia", "what was named this time counts"


def test_a_slow_command_does_not_hold_the_window_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    window = stage.open()
    monkeypatch.setattr(stage.session, "set_mic", lambda mic: time.sleep(0.7))
    before = window.video.painted
    window.controls.mic.chosen.emit("none")
    stage.qtbot.wait(500)
    assert window.video.painted - before > 5
