"""Drives the window over a fake session, for the tests of the window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from emolive.capture.base import Source
from emolive.gui.device_names import DeviceKind
from emolive.gui.main_window import MainWindow
from emolive.gui.services import FusionChoice, Services
from emolive.session.config import SessionConfig
from tests.helpers.fake_session import FUSIONS, FakeDevice, FakeSession
from tests.helpers.fake_source import FakeSource

TIMEOUT_MS = 60_000
"""A busy computer may take so long for anything."""


class WindowDriver:
    """Opens and closes one window. Set `create`, `cameras` ... before `open`."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.sessions: list[FakeSession] = []
        self.create: Callable[[SessionConfig], FakeSession] = FakeSession
        self.fusions: tuple[FusionChoice, ...] = FUSIONS
        self.cameras: Callable[[], tuple[FakeDevice, ...]] = lambda: (FakeDevice(0, "Front camera", True),)
        self.microphones: Callable[[], tuple[FakeDevice, ...]] = lambda: (FakeDevice(3, "Desk microphone"),)
        self.open_device: Callable[[DeviceKind, str], Source] = FakeSource
        self.remembered: frozenset[str] = frozenset()
        self.compute_problems: Callable[[], dict[str, str]] = lambda: {"cuda": "None.", "mps": "None."}
        self.window: MainWindow
        self._closed = False

    def open(
        self, config: SessionConfig | None = None, *, wait: bool = True, begin: bool = True
    ) -> MainWindow:
        """Show the window; with `wait`, until the session runs and the first estimate is shown."""
        services = Services(
            self._create_session,
            lambda: self.fusions,
            self.cameras,
            self.microphones,
            self.open_device,
            self.compute_problems,
        )
        self.window = MainWindow(config or SessionConfig(), services, remembered=self.remembered)
        self.window.show()
        if begin:
            self.window.begin()
        if wait:
            self.until(
                lambda: (
                    self.window.controller.state == "running" and bool(self.window.view.results.bars.labels)
                )
            )
        return self.window

    @property
    def session(self) -> FakeSession:
        """The newest session."""
        return self.sessions[-1]

    def until(self, condition: Callable[[], bool], timeout_ms: int = TIMEOUT_MS) -> None:
        """Wait for a condition."""
        self.qtbot.waitUntil(condition, timeout=timeout_ms)

    def press(self, keys: Qt.Key | str) -> None:
        """Press keys in the active window."""
        self.window.activateWindow()
        self.until(self.window.isActiveWindow)
        (self.qtbot.keyClick if isinstance(keys, Qt.Key) else self.qtbot.keyClicks)(self.window, keys)

    def close(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Close the window and wait for its end; `meanwhile` is called before."""
        if not self._closed:
            with self.qtbot.waitSignal(self.window.finished, timeout=TIMEOUT_MS):
                self.window.close()
                meanwhile()
            self._closed = True

    def _create_session(self, config: SessionConfig) -> FakeSession:
        session = self.create(config)
        self.sessions.append(session)
        return session
