"""The settings of the model: chosen in the window, explained, remembered."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel

from emolive.gui.model_choices import model_choices
from emolive.gui.ui_settings import UiSettings, with_remembered
from emolive.gui.widgets.settings_view import SettingsView
from emolive.session.config import SessionConfig
from tests.helpers.window_driver import WindowDriver


def opened(driver: WindowDriver) -> SettingsView:
    window = driver.open()
    window.model_settings.open()
    view = window.model_settings.view
    assert view is not None
    assert view.isVisible()
    return view


def choose(view: SettingsView, option: str, value: str) -> None:
    dropdown = view.dropdowns[option]
    dropdown.setCurrentIndex(dropdown.findData(value))
    dropdown.activated.emit(dropdown.currentIndex())


@pytest.mark.parametrize(
    ("option", "value", "passed"),
    [
        ("fusion", "lt", "lt"),
        ("hop_bins", "4", 4),
        ("smoothing", "off", "off"),
        ("device", "cpu", "cpu"),
        ("backend", "onnx", "onnx"),
    ],
)
def test_each_choice_reaches_the_running_session(
    driver: WindowDriver, option: str, value: str, passed: object
) -> None:
    view = opened(driver)
    choose(view, option, value)
    driver.until(lambda: driver.session.called(option) == [passed])
    assert len(driver.sessions) == 1, "the same session goes on"
    driver.until(lambda: view.dropdowns[option].currentData() == value)


def test_a_refused_choice_goes_back_and_says_why(driver: WindowDriver) -> None:
    view = opened(driver)
    driver.session.refusal = "There is no device cpu on this computer."
    choose(view, "device", "cpu")
    driver.until(lambda: "There is no device cpu" in driver.window.view.status_bar.text)
    driver.until(lambda: view.dropdowns["device"].currentData() == "auto")


def test_every_value_is_explained_and_what_is_missing_cannot_be_chosen(driver: WindowDriver) -> None:
    view = opened(driver)
    for choice in model_choices():
        dropdown = view.dropdowns[choice.option]
        for row in range(dropdown.count()):
            assert len(dropdown.itemData(row, Qt.ItemDataRole.ToolTipRole)) > 15
        assert view._notes[choice.option].text() == choice.explanations[dropdown.currentData()]
    model = view.dropdowns["device"].model()
    assert isinstance(model, QStandardItemModel)
    driver.until(lambda: not model.item(2).isEnabled())
    assert view.dropdowns["device"].itemData(2, Qt.ItemDataRole.ToolTipRole) == "None."
    assert model.item(1).isEnabled()


def test_the_choices_are_there_at_the_next_start(driver: WindowDriver) -> None:
    view = opened(driver)
    for option, value in (("hop_bins", "2"), ("smoothing", "steady"), ("backend", "folded")):
        choose(view, option, value)
    driver.until(lambda: len(driver.session.called("backend")) == 1)
    driver.close()
    config = with_remembered(SessionConfig())
    assert (config.hop_bins, config.smoothing, config.backend) == (2, "steady", "folded")
    assert with_remembered(SessionConfig(), {"backend"}).backend == "auto"
    UiSettings().set_text("hop_bins", "3")
    assert with_remembered(SessionConfig()).hop_bins == 1, "of a damaged file nothing is taken"
