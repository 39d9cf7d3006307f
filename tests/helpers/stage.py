"""A window over a fake session, for the tests of the window."""

from __future__ import annotations

import time
from collections.abc import Callable

from pytestqt.qtbot import QtBot

from emolive.gui.main_window import MainWindow
from emolive.gui.session_controller import Backend
from emolive.session.config import SessionConfig
from tests.helpers.fake_session import FakeDevice, FakeSession

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
        self._finished = False

    def open(
        self, config: SessionConfig | None = None, *, wait: bool = True, begin: bool = True
    ) -> MainWindow:
        """Show the window; with `wait`, until the session runs and the first estimate is painted."""
        backend = Backend(self._session, lambda: FUSIONS, self.cameras, self.microphones)
        self.window = MainWindow(config or SessionConfig(), backend)
        self.window.show()
        if begin:
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
        if not self._finished:
            with self.qtbot.waitSignal(self.window.finished, timeout=5_000):
                self.window.close()
            self._finished = True
        return time.monotonic() - began

    def _session(self, config: SessionConfig) -> FakeSession:
        session = self.make(config)
        self.sessions.append(session)
        return session
