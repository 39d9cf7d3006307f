"""The pages over the window: welcome, check, tour, help, about, messages, people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from emolive import paths
from emolive.gui.ui_settings import UiSettings, with_remembered
from emolive.gui.widgets.help_view import HelpView
from emolive.gui.widgets.page import Page
from emolive.people import saved_people
from emolive.session.config import SessionConfig
from emolive.types import Status
from tests.helpers.window_driver import TIMEOUT_MS, WindowDriver


def button(page: QWidget, text: str) -> QPushButton:
    return next(each for each in page.findChildren(QPushButton) if each.text() == text)


def texts(page: QWidget) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel))


def click(driver: WindowDriver, page: QWidget, text: str) -> None:
    driver.qtbot.mouseClick(button(page, text), Qt.MouseButton.LeftButton)


def press(driver: WindowDriver, key: Qt.Key) -> None:
    """Press a key where the keyboard is."""
    driver.window.activateWindow()
    driver.until(driver.window.isActiveWindow)
    focused = driver.window.focusWidget()
    assert focused is not None
    driver.qtbot.keyClick(focused, key)


def save_person(home: Path, name: str) -> None:
    (home / "people").mkdir(exist_ok=True)
    (home / "people" / f"{name}.json").write_text(json.dumps({"name": name}))


# --- first start


def test_the_first_start_from_the_promises_over_the_check_to_the_tour(driver: WindowDriver) -> None:
    window = driver.open()
    window.greet(is_first=True)
    welcome = window.pages.welcome
    assert welcome.isVisible()
    shown = texts(welcome)
    for promise in ("stays on this computer", "kept unless you record", "not feeling", "judging", "school"):
        assert promise in shown
    driver.session.override = {"is_synthetic": False}
    press(driver, Qt.Key.Key_C)
    assert not window._presenter.guide.preparing, "what the page covers is not operated unseen"
    driver.session.override = {}
    press(driver, Qt.Key.Key_Return)
    driver.until(lambda: "A drawing plays" in texts(welcome))
    assert "Found, and large enough." not in texts(welcome), "a drawn face is not the user's"
    driver.session.override = {"is_synthetic": False}
    driver.until(lambda: "Found, and large enough." in texts(welcome))
    driver.session.override = {}
    assert welcome.video is not None
    driver.until(lambda: welcome.video is not None and welcome.video.painted > 1)
    click(driver, welcome, "Show me around")
    assert not welcome.isVisible()
    tour = window.pages.tour
    for step in range(5):
        assert tour.step == step
        assert tour.isVisible()
        inside = QRect(QPoint(0, 0), tour.size())
        assert inside.contains(tour._bubble.geometry())
        press(driver, Qt.Key.Key_Return)
    assert not tour.isVisible()
    assert UiSettings().flag("welcomed", False)
    window.greet(is_first=True)
    assert not welcome.isVisible(), "once"


def test_the_first_page_and_the_tour_can_be_skipped(driver: WindowDriver) -> None:
    window = driver.open()
    window.greet(is_first=True)
    click(driver, window.pages.welcome, "Skip")
    assert not window.pages.welcome.isVisible()
    assert not window.pages.tour.isVisible()
    window.pages.start_tour()
    press(driver, Qt.Key.Key_Escape)
    assert not window.pages.tour.isVisible()


def test_a_second_window_says_so(driver: WindowDriver) -> None:
    window = driver.open()
    UiSettings().set_flag("welcomed", True)
    window.greet(is_first=False)
    driver.until(lambda: "is open already" in window.view.status_bar.text)


# --- pages


@pytest.mark.parametrize("size", [(640, 440), (1280, 800)])
def test_a_page_fits_its_window_and_scrolls(qtbot: QtBot, size: tuple[int, int]) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.resize(*size)
    parent.show()
    page = HelpView(parent)
    page.rows = tuple(
        (f"Ctrl+{i}", "Does something that takes a whole line of text to say. " * 2) for i in range(30)
    )
    page.open_page()
    assert parent.rect().contains(page.card.geometry())
    parent.resize(900, 500)
    qtbot.waitUntil(lambda: page.geometry() == parent.rect(), timeout=TIMEOUT_MS)
    assert parent.rect().contains(page.card.geometry())


def test_focus_enter_escape_and_tab_in_a_page(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.resize(600, 400)
    outside = QPushButton("outside", parent)
    parent.show()
    qtbot.waitUntil(parent.isVisible, timeout=TIMEOUT_MS)
    parent.activateWindow()
    outside.setFocus()
    page = Page(parent, "Title")
    clicked: list[str] = []
    page.add_text("Text.")
    first = page.add_button("first", lambda: clicked.append("first"))
    page.add_button("second", lambda: clicked.append("second"), primary=True)
    page.open_page()
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert clicked == ["second"]
    for _ in range(6):
        page.focusNextPrevChild(True)
        assert page.isAncestorOf(page.focusWidget())
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_Return)
    assert clicked == ["second", "first"], "Enter presses the button that has the focus"
    qtbot.keyClick(page, Qt.Key.Key_Escape)
    assert not page.isVisible()
    qtbot.waitUntil(outside.hasFocus, timeout=TIMEOUT_MS)
    page.open_page()
    qtbot.mouseClick(page, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))
    assert not page.isVisible(), "a click beside the card closes it"


def test_about_gives_what_a_bug_report_needs(driver: WindowDriver) -> None:
    window = driver.open()
    driver.session.override = {"is_synthetic": False}
    driver.until(lambda: not window._tick())
    window.pages.about.open_page()
    assert "MIT License" in texts(window.pages.about)
    assert "Version " in texts(window.pages.about)
    click(driver, window.pages.about, "Copy for a bug report")
    copied = QGuiApplication.clipboard().text()
    assert "emolive " in copied
    assert "Python 3" in copied
    assert "camera: live" in copied


def test_messages_are_kept(driver: WindowDriver) -> None:
    window = driver.open()
    silent = Status("voice", "warning", "silent", "The microphone is silent.")
    stalled = Status("camera", "error", "stalled", "The camera sends no frames.")
    driver.session.override = {"statuses": (silent, stalled)}
    bar = window.view.status_bar
    driver.until(bar.others_button.isVisible)
    assert bar.others_button.text() == "+1 more"
    assert bar.text == "The camera sends no frames."
    window._on_command_failed("There is no camera named Gone.")
    driver.qtbot.mouseClick(bar.others_button, Qt.MouseButton.LeftButton)
    shown = window.pages.log.texts
    assert shown[:2] == ("The camera sends no frames.", "The microphone is silent.")
    assert "There is no camera named Gone." in shown
    driver.press(Qt.Key.Key_Escape)
    badge = bar.badges.badges["camera"]
    badge.setFocus()
    driver.qtbot.keyClick(badge, Qt.Key.Key_Return)
    assert window.pages.log.isVisible(), "a badge opens it, by key as well"


def test_the_model_in_use_has_a_card(driver: WindowDriver) -> None:
    window = driver.open()
    driver.press("k")
    page = window.pages.model
    assert page.rows == ()
    assert "No model is loaded." in texts(page)
    driver.press(Qt.Key.Key_Escape)
    driver.session.override = {"checkpoint": paths.asset("models", "ia.safetensors")}
    driver.press("k")
    card = dict(page.rows)
    assert card["File"] == "ia.safetensors"
    assert card["Fusion"].startswith("ia: Half way through")
    assert "surprised" in card["Emotions"]
    assert "people" in card["Trained on"]
    assert "The fusion ia runs." in texts(page)
    with driver.qtbot.waitSignal(window.pages.load_wanted):
        click(driver, page, "Load a checkpoint…")
    dialog = window.findChild(QFileDialog)
    assert dialog is not None
    dialog.reject()


# --- people


def test_people_are_listed_used_and_deleted(driver: WindowDriver, tmp_path: Path) -> None:
    for name in ("Anna", "Bert"):
        save_person(tmp_path, name)
    window = driver.open()
    driver.press("u")
    people = window.pages.people
    assert set(people.names) == {"Anna", "Bert"}
    delete = next(each for each in people.findChildren(QPushButton) if each.accessibleName() == "Delete Bert")
    driver.qtbot.mouseClick(delete, Qt.MouseButton.LeftButton)
    assert [person.name for person in saved_people()] != ["Anna"], "it asks first"
    driver.qtbot.mouseClick(delete, Qt.MouseButton.LeftButton)
    assert people.names == ("Anna",)
    assert [person.name for person in saved_people()] == ["Anna"]
    driver.until(lambda: "The baseline of Bert is deleted." in window.view.status_bar.text)
    use = next(each for each in people.findChildren(QPushButton) if each.accessibleName() == "Use Anna")
    driver.qtbot.mouseClick(use, Qt.MouseButton.LeftButton)
    driver.until(lambda: driver.session.called("person") == ["Anna"])
    driver.until(lambda: driver.session.called("baseline") == ["neutral"])
    assert not people.isVisible()


def test_the_last_person_is_not_taken_up_silently(driver: WindowDriver, tmp_path: Path) -> None:
    save_person(tmp_path, "Anna")
    UiSettings().set_flag("welcomed", True)
    window = driver.open(SessionConfig(person="Anna"))
    window.pages.remember_person()
    assert with_remembered(SessionConfig()).person == "guest"
    window.greet(is_first=True)
    driver.until(lambda: "Anna was here last. Press U" in window.view.status_bar.text)
