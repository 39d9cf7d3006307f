"""Devices: listed with a preview, followed while they come and go, remembered by what names them for good."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from emolive.errors import DeviceError
from emolive.gui import device_page
from emolive.gui.device_names import device_titles, used_value
from emolive.gui.ui_settings import UiSettings, with_remembered
from emolive.gui.widgets.devices_view import DeviceList, DevicesView
from emolive.session.config import SessionConfig
from tests.helpers.fake_session import FakeDevice, FakeSession, refusing
from tests.helpers.fake_source import FakeSource
from tests.helpers.window_driver import WindowDriver

TWINS = (FakeDevice(0, "C920", True, "/dev/v4l/by-id/a"), FakeDevice(2, "C920", False, "/dev/v4l/by-id/b"))


@pytest.fixture(autouse=True)
def _nothing_opened() -> None:
    FakeSource.opened.clear()
    FakeSource.released.clear()


def opened(driver: WindowDriver, config: SessionConfig | None = None) -> DevicesView:
    window = driver.open(config)
    driver.session.override = {"is_synthetic": False}
    window.device_page.open()
    view = window.device_page.view
    assert view is not None
    driver.until(lambda: "in use" in rows(view.cameras)[0])
    return view


def rows(devices: DeviceList) -> list[str]:
    return [devices.list.item(row).text() for row in range(devices.list.count())]


def two(driver: WindowDriver) -> None:
    driver.cameras = lambda: (FakeDevice(0, "Front camera", True), FakeDevice(1, "Desk camera"))
    driver.microphones = lambda: (FakeDevice(3, "Built-in", True), FakeDevice(4, "Headset"))


# --- the page


def test_what_is_marked_is_shown_before_it_is_used(driver: WindowDriver) -> None:
    two(driver)
    view = opened(driver)
    assert rows(view.cameras) == ["Front camera  ·  in use", "Desk camera"]
    assert FakeSource.opened == [], "what is in use is shown from the session"
    driver.until(lambda: view.video.painted > 1)
    view.cameras.list.setCurrentRow(1)
    driver.until(lambda: FakeSource.opened == ["Desk camera"])
    frame = driver.window.device_page._previews["camera"]
    driver.until(lambda: frame.frame is not None and view.video.state.frame is frame.frame)
    assert driver.session.called("source") == [], "the window goes on"
    view.microphones.list.setCurrentRow(1)
    driver.until(lambda: FakeSource.opened[1:] == ["Headset"])
    driver.until(lambda: 0.7 < view.level.level < 0.9)
    driver.qtbot.mouseClick(view.cameras.use, Qt.MouseButton.LeftButton)
    driver.until(lambda: driver.session.called("source") == ["Desk camera"])
    assert FakeSource.released[0] == "Desk camera", "released before the session opens it"
    driver.until(lambda: rows(view.cameras) == ["Front camera", "Desk camera  ·  in use"])
    view.close_page()
    driver.until(lambda: sorted(FakeSource.released) == ["Desk camera", "Headset"])


def test_the_lists_follow_what_is_connected(driver: WindowDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_page, "REFRESH_MS", 30)
    connected = [FakeDevice(0, "Front camera", True), FakeDevice(1, "Desk camera")]
    driver.cameras = lambda: tuple(connected)
    view = opened(driver)
    view.cameras.list.setCurrentRow(1)
    connected.append(FakeDevice(2, "New camera"))
    driver.until(lambda: "New camera" in rows(view.cameras))
    assert view.cameras.value == "Desk camera", "the mark stays"
    del connected[1]
    driver.until(lambda: "Desk camera" not in rows(view.cameras))
    assert view.cameras.value == "Front camera"
    driver.until(lambda: FakeSource.released == ["Desk camera"])


def test_a_device_that_cannot_be_opened_says_why(driver: WindowDriver) -> None:
    def refuse(kind: str, value: str) -> FakeSource:
        raise DeviceError(f"{value} is in use by another program.")

    two(driver)
    driver.open_device = refuse
    view = opened(driver)
    view.cameras.list.setCurrentRow(1)
    driver.until(lambda: view.cameras.note.text() == "Desk camera is in use by another program.")
    message = view.video.state.message
    assert message is not None
    assert message.title == "No picture"


# --- names


def test_devices_of_one_name_are_told_apart_by_their_identity() -> None:
    titles = device_titles(TWINS, "camera")
    assert titles == {"camera:/dev/v4l/by-id/a": "C920 (1)", "camera:/dev/v4l/by-id/b": "C920 (2)"}
    assert device_titles((FakeDevice(0, "C920"), FakeDevice(1, "C920")), "camera") == {
        "0": "C920 (1)",
        "1": "C920 (2)",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("auto", "camera:/dev/v4l/by-id/a"),
        ("2", "camera:/dev/v4l/by-id/b"),
        ("camera:/dev/v4l/by-id/b", "camera:/dev/v4l/by-id/b"),
        ("front", "Front"),
        ("c920", ""),
        ("clip.mp4", ""),
    ],
)
def test_the_device_in_use_is_found_in_the_list(text: str, value: str) -> None:
    assert used_value(text, (*TWINS, FakeDevice(5, "Front")), "camera") == value


# --- the next start


def test_chosen_devices_are_taken_up_again(driver: WindowDriver) -> None:
    window = driver.open()
    window.choose_source("Desk camera")
    window.view.controls.mic.chosen.emit("Headset")
    driver.until(lambda: driver.session.called("mic") == ["Headset"])
    driver.close()
    config = with_remembered(SessionConfig())
    assert (config.source, config.mic) == ("Desk camera", "Headset")
    assert with_remembered(SessionConfig(), {"source", "mic"}).source == "auto", "what is asked for counts"


@pytest.mark.parametrize("source", ["clip.mp4", "http://10.0.0.2/video", "demo"])
def test_what_is_no_device_is_not_taken_up_again(driver: WindowDriver, source: str) -> None:
    UiSettings().set_text("source", "Desk camera")
    window = driver.open()
    window.choose_source(source)
    driver.until(lambda: driver.session.called("source") == [source])
    driver.close()
    assert with_remembered(SessionConfig()).source == "Desk camera"


def test_choosing_automatic_forgets_the_device(driver: WindowDriver) -> None:
    UiSettings().set_text("source", "Desk camera")
    window = driver.open(SessionConfig(source="Desk camera"))
    window.choose_source("auto")
    driver.until(lambda: driver.session.called("source") == ["auto"])
    driver.close()
    assert with_remembered(SessionConfig()).source == "auto"


def test_a_device_of_the_last_time_that_is_gone_is_replaced_and_said(driver: WindowDriver) -> None:
    UiSettings().set_text("source", "Desk camera")
    driver.create = refusing("Desk camera", DeviceError("The camera Desk camera is not connected."))
    driver.remembered = frozenset({"source", "mic"})
    window = driver.open(SessionConfig(source="Desk camera", mic="Headset"))
    assert (window.controller.config.source, window.controller.config.mic) == ("auto", "Headset")
    sentence = "The camera Desk camera is not connected. Another one is used."
    driver.until(lambda: window.view.status_bar.text == sentence)
    assert window.view.controls.source.value == "auto"
    driver.close()
    assert with_remembered(SessionConfig()).source == "Desk camera", "it is taken up again when it is back"


def test_a_device_that_was_asked_for_is_not_replaced(driver: WindowDriver) -> None:
    def picky(config: SessionConfig) -> FakeSession:
        raise DeviceError("The camera Desk camera is not connected.")

    driver.create = picky
    window = driver.open(SessionConfig(source="Desk camera"), wait=False)
    driver.until(lambda: window.controller.state == "failed")
    assert window.controller.error == "The camera Desk camera is not connected."
