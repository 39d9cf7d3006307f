"""Choosing what is watched: offers, addresses, hot-plug, keys of the controls."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QInputDialog, QToolTip, QWidget

from emolive.errors import DeviceError
from emolive.gui import strings
from emolive.gui.widgets import picker as picker_module
from emolive.gui.widgets.dialogs import stream_address
from emolive.session.config import SessionConfig
from tests.helpers.fake_session import FakeDevice, refusing
from tests.helpers.window_driver import WindowDriver


def test_a_source_that_is_not_there_offers_the_others(driver: WindowDriver) -> None:
    driver.create = refusing("7", DeviceError("There is no camera 7: choose another source."))
    driver.cameras = lambda: (FakeDevice(0, "Front camera", True), FakeDevice(1, "Desk camera"))
    window = driver.open(SessionConfig(source="7"), wait=False)
    view = window.view
    driver.until(lambda: [button.text() for button in view.offers.buttons][:1] == ["Front camera"])
    assert view.offers.isVisible()
    message = view.video.state.message
    assert message is not None
    assert message.title == "There is nothing to watch"
    assert message.text == "There is no camera 7: choose another source."
    camera = view.status_bar.badges.badges["camera"].status
    assert camera is not None
    assert camera.level == "error"
    assert [button.text() for button in view.offers.buttons] == [
        "Front camera",
        "Desk camera",
        "Drawn demo",
        "Open a file…",
    ]
    driver.qtbot.mouseClick(view.offers.buttons[1], Qt.MouseButton.LeftButton)
    driver.until(lambda: window.controller.state == "running")
    assert driver.session.config.source == "Desk camera"
    driver.until(lambda: not view.offers.isVisible())


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("192.168.1.20:8080/video", "http://192.168.1.20:8080/video"),
        ("  cam.local  ", "http://cam.local"),
        ("rtsp://me:secret@10.0.0.2/live", "rtsp://me:secret@10.0.0.2/live"),
        ("http://", ""),
        ("   ", ""),
    ],
)
def test_addresses_are_typed_without_a_scheme(typed: str, address: str) -> None:
    assert stream_address(typed) == address


def test_a_typed_address_is_watched(driver: WindowDriver) -> None:
    window = driver.open()
    window._opener.ask_for_stream()
    dialog = window.findChild(QInputDialog)
    assert dialog is not None
    dialog.setTextValue("10.0.0.2:8080/video")
    dialog.accept()
    driver.until(lambda: driver.session.called("source") == ["http://10.0.0.2:8080/video"])


def test_a_camera_that_is_connected_while_the_list_is_open_appears(
    driver: WindowDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picker_module, "REFRESH_MS", 30)
    devices = [FakeDevice(0, "Front camera")]
    driver.cameras = lambda: tuple(devices)
    picker = driver.open().view.controls.source
    menu = picker.menu()
    menu.popup(picker.mapToGlobal(picker.rect().bottomLeft()))

    def listed() -> list[str]:
        return [action.text() for action in menu.actions()]

    driver.until(lambda: "Front camera" in listed())
    devices.append(FakeDevice(1, "New camera"))
    driver.until(lambda: "New camera" in listed())
    menu.close()


def test_fusions_and_baselines_are_explained_where_they_are_chosen(driver: WindowDriver) -> None:
    controls = driver.open().view.controls
    for dropdown in (controls.fusion, controls.baseline):
        for row in range(dropdown.count()):
            assert len(dropdown.itemData(row, Qt.ItemDataRole.ToolTipRole)) > 30
    driver.until(lambda: "which moments count" in controls.fusion.toolTip())
    assert strings.label_explanation("calm")
    assert strings.label_explanation("custom label") == ""


def test_enter_opens_what_has_the_focus(driver: WindowDriver) -> None:
    controls = driver.open().view.controls
    controls.fusion.setFocus()
    driver.qtbot.keyClick(controls.fusion, Qt.Key.Key_Return)
    driver.until(lambda: controls.fusion.view().isVisible())
    controls.fusion.hidePopup()


def test_every_action_has_the_keys_that_people_expect(driver: WindowDriver) -> None:
    window = driver.open(begin=False, wait=False)
    keys = {shortcut.toString(): action for action in window.actions() for shortcut in action.shortcuts()}
    for expected in ("Ctrl+O", "O", "F11", "F", "F1", "?", "P", "F5", "W", "V", "B", "U", "N", "D", "Ctrl+Q"):
        assert QKeySequence(expected).toString() in keys, expected
    counted = [shortcut.toString() for action in window.actions() for shortcut in action.shortcuts()]
    assert len(counted) == len(set(counted)), "a key that stands for two actions does nothing"


def test_what_is_painted_has_a_name_and_what_can_be_reached_shows_it(driver: WindowDriver) -> None:
    window = driver.open()
    view = window.view
    painted: tuple[QWidget, ...] = (
        view.video,
        view.results.bars,
        view.results.affect,
        view.results.why,
        view.results.headline,
        view.timeline,
        view.timeline.legend,
        view.controls.level,
    )
    for widget in painted:
        assert widget.accessibleName(), widget
    driver.until(lambda: "%" in view.results.bars.accessibleDescription())
    driver.until(lambda: "%" in view.controls.level.accessibleDescription())
    reachable = [view.controls.source, view.controls.fusion, view.controls.person, view.timeline]
    reachable += list(view.status_bar.badges.badges.values())
    assert all(widget.focusPolicy() & Qt.FocusPolicy.TabFocus for widget in reachable)
    QToolTip.hideText()
