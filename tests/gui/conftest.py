"""The window paints into memory unless EMOLIVE_TEST_DISPLAY=1. A Qt warning fails a test."""

from __future__ import annotations

import gc
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
if os.environ.get("EMOLIVE_TEST_DISPLAY") != "1":
    os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtCore import QMessageLogContext, QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import getAllValidWrappers, isValid

from emolive.gui import i18n, theme
from emolive.gui.app import prepare_environment
from tests.helpers.listener import eventually
from tests.helpers.window_driver import WindowDriver

prepare_environment()

IGNORED = (
    "propagateSizeHints",
    r"does not support raise\(\)",
    "does not support grabbing the (keyboard|mouse)",
)
"""The offscreen platform has no window manager to ask for these, and warns about it."""
HARMLESS = (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """While a test runs, pytest-qt collects the messages of Qt: a warning fails it."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.qt_log_level_fail("WARNING"))
            item.add_marker(pytest.mark.qt_log_ignore(*IGNORED))


@pytest.fixture(autouse=True)
def _warnings_of_qt() -> Iterator[None]:
    """The same for what Qt warns of after the test itself, while the fixtures are torn down."""
    warnings: list[str] = []

    def handle(level: QtMsgType, context: QMessageLogContext, message: str) -> None:
        if level not in HARMLESS and not any(re.search(pattern, message) for pattern in IGNORED):
            warnings.append(message)

    previous = qInstallMessageHandler(handle)
    yield
    # pytest-qt has put this handler back at the end of the test.
    qInstallMessageHandler(previous)
    assert not warnings, f"Qt warned: {warnings}"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOLIVE_HOME", str(tmp_path))


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    yield
    i18n.use_messages({})


@pytest.fixture
def driver(qtbot: QtBot, qapp: QApplication) -> Iterator[WindowDriver]:
    """Closes its window at the end, which must leave no thread and no timer behind."""
    theme.apply(qapp)
    threads = set(threading.enumerate())
    timers = _active_timers()
    driver = WindowDriver(qtbot)
    yield driver
    driver.close()
    for session in driver.sessions:
        session.release.set()
    driver.window.deleteLater()
    del driver.window
    eventually(
        lambda: not set(threading.enumerate()) - threads,
        f"the end of threads that outlived the window: {set(threading.enumerate()) - threads}",
    )
    qtbot.wait(20)
    if _active_timers() > timers:
        # What nothing refers to any more may wait to be collected.
        gc.collect()
    assert _active_timers() <= timers, "a timer outlived the window"


def _active_timers() -> int:
    """Of all Qt objects: a search among all objects of Python would take as long as many a test."""
    timers = [thing for thing in getAllValidWrappers() if isinstance(thing, QTimer)]
    return sum(isValid(timer) and timer.isActive() for timer in timers)
