"""The controls of the window: the session calls of each of them."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import Qt

from emolive.errors import EmoliveError
from emolive.gui import calibration_guide
from emolive.gui.services import FusionChoice
from emolive.gui.ui_settings import UiSettings, with_remembered
from emolive.gui.widgets.picker import Picker
from emolive.session.config import SessionConfig
from tests.helpers.fake_session import FUSIONS, FakeDevice
from tests.helpers.window_driver import WindowDriver


def pick(picker: Picker, title: str) -> None:
    next(action for action in picker.menu().actions() if action.text() == title).trigger()


def titles(picker: Picker) -> list[str]:
    return [action.text() for action in picker.menu().actions() if action.text()]


def test_dropdown_switches_the_fusion(driver: WindowDriver) -> None:
    dropdown = driver.open().view.controls.fusion
    assert [dropdown.itemData(i) for i in range(dropdown.count())] == ["lt", "it", "ia"]
    assert dropdown.currentData() == "ia"
    dropdown.setCurrentIndex(0)
    dropdown.activated.emit(0)
    driver.until(lambda: driver.session.called("fusion") == ["lt"])
    driver.until(lambda: dropdown.currentData() == "lt")


@pytest.mark.parametrize(("key", "fusion"), [("1", "lt"), ("2", "it")])
def test_keys_switch_the_fusion(driver: WindowDriver, key: str, fusion: str) -> None:
    window = driver.open()
    driver.press(key)
    driver.until(lambda: driver.session.called("fusion") == [fusion])
    driver.until(lambda: window.view.controls.fusion.currentData() == fusion)


def test_dropdown_returns_when_the_fusion_is_refused(driver: WindowDriver) -> None:
    window = driver.open()
    driver.session.refusal = "The fusion lt has no model here."
    window.choose_fusion("lt")
    driver.until(lambda: window.view.status_bar.text == "The fusion lt has no model here.")
    driver.until(lambda: window.view.controls.fusion.currentData() == "ia")
    assert window.controller.config.fusion == "ia"


def test_a_fusion_without_a_checkpoint_cannot_be_chosen(driver: WindowDriver) -> None:
    reason = "There is no checkpoint of the fusion mine."
    driver.fusions = (*FUSIONS, FusionChoice("mine", "my fusion", reason))
    window = driver.open()
    dropdown = window.view.controls.fusion
    row = dropdown.findData("mine")
    assert not dropdown.model().index(row, 0).flags() & Qt.ItemFlag.ItemIsEnabled
    assert dropdown.itemData(row, Qt.ItemDataRole.ToolTipRole) == reason
    driver.press("4")
    driver.until(lambda: window.view.status_bar.text == reason)
    assert driver.session.called("fusion") == []


def test_the_fusion_of_a_loaded_checkpoint_is_shown_though_it_cannot_be_chosen(driver: WindowDriver) -> None:
    driver.fusions = (*FUSIONS, FusionChoice("mine", "my fusion", "There is no checkpoint of it."))
    dropdown = driver.open().view.controls.fusion
    driver.session.override = {"fusion": "mine"}
    driver.until(lambda: dropdown.currentText() == "My fusion (mine)")
    driver.session.override = {"fusion": "foreign"}
    driver.until(lambda: dropdown.currentText() == "foreign")


def test_camera_picker(driver: WindowDriver) -> None:
    driver.cameras = lambda: (FakeDevice(0, "Front"), FakeDevice(1, "Twin"), FakeDevice(2, "Twin"))
    view = driver.open().view
    picker = view.controls.source
    assert "Looking for cameras…" in titles(picker)
    picker.menu().aboutToShow.emit()
    driver.until(lambda: "Front" in titles(picker))
    pick(picker, "Front")
    driver.until(lambda: driver.session.called("source") == ["Front"])
    assert picker.title == "Front"
    driver.until(lambda: view.video.state.mirrored)  # as in a mirror
    [twin] = [action for action in picker.menu().actions() if action.text() == "Twin (2)"]
    twin.trigger()
    driver.until(lambda: driver.session.called("source") == ["Front", "2"])


def test_microphone_picker(driver: WindowDriver) -> None:
    picker = driver.open().view.controls.mic
    picker.menu().aboutToShow.emit()
    driver.until(lambda: "Desk microphone" in titles(picker))
    pick(picker, "Desk microphone")
    driver.until(lambda: driver.session.called("mic") == ["Desk microphone"])
    pick(picker, "No audio")
    driver.until(lambda: driver.session.called("mic") == ["Desk microphone", "none"])


def test_a_failed_device_list_shows_the_reason(driver: WindowDriver) -> None:
    def fail() -> tuple[FakeDevice, ...]:
        raise EmoliveError("PortAudio is missing.")

    driver.microphones = fail
    picker = driver.open().view.controls.mic
    picker.menu().aboutToShow.emit()
    driver.until(lambda: "PortAudio is missing." in titles(picker))


def test_a_refused_source_is_reverted(driver: WindowDriver) -> None:
    window = driver.open()
    driver.session.refusal = "There is no camera named Gone."
    window.choose_source("Gone")
    driver.until(lambda: window.view.status_bar.text == "There is no camera named Gone.")
    assert window.view.controls.source.title == "Automatic"


def test_calibration_shows_its_progress(driver: WindowDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration_guide, "PREPARE_S", 0.3)
    controls = driver.open().view.controls
    driver.session.override = {"is_synthetic": False}
    driver.until(lambda: not driver.window.view.video.state.tags)
    driver.qtbot.mouseClick(controls.calibration.button, Qt.MouseButton.LeftButton)
    driver.until(lambda: driver.session.called("calibrate") == [5.0])
    driver.session.override = {"is_synthetic": False, "calibration": 0.4, "baseline": "running"}
    driver.until(lambda: controls.calibration.running)
    driver.press("c")
    driver.qtbot.wait(100)
    assert driver.session.called("calibrate") == [5.0], "a running calibration is not started again"
    driver.session.override = {"is_synthetic": False, "calibration": None, "baseline": "neutral"}
    driver.until(lambda: not controls.calibration.running)
    driver.until(lambda: controls.baseline.currentData() == "neutral")


def test_baseline_and_person(driver: WindowDriver) -> None:
    controls = driver.open().view.controls
    controls.baseline.setCurrentIndex(0)
    controls.baseline.activated.emit(0)
    driver.until(lambda: driver.session.called("baseline") == ["none"])
    controls.person.setFocus()
    controls.person.selectAll()
    driver.qtbot.keyClicks(controls.person, "clara")
    driver.qtbot.keyClick(controls.person, Qt.Key.Key_Return)
    driver.until(lambda: driver.session.called("person") == ["clara"])
    assert driver.session.called("calibrate") == [], "letters of a name are not shortcuts"


def test_choices_are_remembered(driver: WindowDriver) -> None:
    window = driver.open()
    window.choose_fusion("it")
    window.choose_source("http://cam.example/stream")
    driver.until(lambda: bool(driver.session.called("source")))
    driver.close()
    remembered = with_remembered(SessionConfig())
    assert remembered.fusion == "it"
    assert remembered.source == "auto", "a device may be gone by the next start"
    named = with_remembered(SessionConfig(), ("fusion",))
    assert named.fusion == "ia", "an explicit option wins"


def test_what_this_version_does_not_know_is_not_remembered() -> None:
    settings = UiSettings()
    for name, value in (("fusion", "of-tomorrow"), ("baseline", "mean"), ("person", "a\x1bb")):
        settings.set_text(name, value)
    settings.save()
    assert with_remembered(SessionConfig()) == SessionConfig()


def test_a_slow_command_does_not_stop_the_painting(
    driver: WindowDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = driver.open()
    done = threading.Event()
    monkeypatch.setattr(driver.session, "set_mic", lambda mic: done.wait(60))
    before = window.view.video.painted
    window.view.controls.mic.chosen.emit("none")
    try:
        driver.until(lambda: window.view.video.painted - before > 5)
        assert not done.is_set()
    finally:
        done.set()
