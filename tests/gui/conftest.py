"""Windows are painted into memory unless EMOLIVE_TEST_DISPLAY=1; nothing may outlive its window."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
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
from emolive.gui.link import Backend
from emolive.gui.main_window import MainWindow
from emolive.live.api import SessionConfig
from tests.helpers.fake_session import FakeDevice, FakeSession

prepare_environment()

FUSIONS = {"lt": "late transformer", "it": "intermediate transformer", "ia": "intermediate attention"}
LOAD_MS = 10_000


class Stage:
    """A window over a fake session, and what a test wants to say about both."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.sessions: list[FakeSession] = []
        self.make: Callable[[SessionConfig], FakeSession] = FakeSession
        self.cameras: Callable[[], tuple[FakeDevice, ...]] = lambda: (FakeDevice(0, "Front camera", True),)
        self.microphones: Callable[[], tuple[FakeDevice, ...]] = lambda: (FakeDevice(3, "Desk microphone"),)
        self.window: MainWindow

    def open(self, config: SessionConfig | None = None, *, wait: bool = True) -> MainWindow:
        """Show the window; with `wait`, until the session runs and the first estimate is painted."""
        backend = Backend(self._session, lambda: FUSIONS, lambda: self.cameras(), lambda: self.microphones())
        self.window = MainWindow(config or SessionConfig(), backend)
        self.window.show()
        self.window.begin()
        if wait:
            self.until(lambda: self.window.link.state == "running" and bool(self.window.reading.bars.labels))
        return self.window

    @property
    def session(self) -> FakeSession:
        return self.sessions[-1]

    def until(self, condition: Callable[[], bool], timeout_ms: int = LOAD_MS) -> None:
        self.qtbot.waitUntil(condition, timeout=timeout_ms)

    def close(self) -> float:
        """Close and wait for the end; how long it took in seconds."""
        began = time.monotonic()
        with self.qtbot.waitSignal(self.window.finished, timeout=5_000):
            self.window.close()
        return time.monotonic() - began

    def _session(self, config: SessionConfig) -> FakeSession:
        session = self.make(config)
        self.sessions.append(session)
        return session


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
