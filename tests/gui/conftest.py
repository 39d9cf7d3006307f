"""Windows are painted into memory unless EMOLIVE_TEST_DISPLAY=1; nothing may outlive its window."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
if os.environ.get("EMOLIVE_TEST_DISPLAY") != "1":
    os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from emolive.gui import theme
from emolive.gui.app import prepare_environment
from tests.helpers.stage import Stage

prepare_environment()


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOLIVE_HOME", str(tmp_path))


@pytest.fixture
def stage(qtbot: QtBot, qapp: QApplication) -> Iterator[Stage]:
    """A stage whose window is closed at the end and must leave no thread and no timer behind."""
    theme.apply(qapp)
    threads = set(threading.enumerate())
    timers = _active_timers()
    stage = Stage(qtbot)
    yield stage
    stage.close()
    for session in stage.sessions:
        session.release.set()
    stage.window.deleteLater()
    del stage.window
    deadline = time.monotonic() + 5
    while (left := set(threading.enumerate()) - threads) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left, f"threads outlived the window: {left}"
    qtbot.wait(20)
    assert _active_timers() <= timers, "a timer outlived the window"


def _active_timers() -> int:
    gc.collect()
    timers = [thing for thing in gc.get_objects() if isinstance(thing, QTimer)]
    return sum(isValid(timer) and timer.isActive() for timer in timers)
