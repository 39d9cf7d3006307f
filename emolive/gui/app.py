"""Opens the window and runs it until it is closed."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from emolive.atomic_io import ensure_writable
from emolive.gui.display import check_display, has_display
from emolive.gui.render_metrics import RenderMetrics
from emolive.gui.session_controller import Backend
from emolive.session.config import SessionConfig
from emolive.types import Estimate

if TYPE_CHECKING:
    from emolive.session.session import Session

log = logging.getLogger(__name__)

FIRST_PAINT_MS = 30
"""Time for the empty window to come up before anything heavy is imported."""
LOADING_S = 90.0
"""A run of limited time waits so long for the model before its time counts anyway."""


def prepare_environment() -> None:
    """Let Qt find its own plugins, and paint into memory where there is no screen.

    Raises:
        EmoliveError: there is said to be a screen, and it does not answer.
    """
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in os.environ.get(name, ""):  # set by `import cv2` for a Qt that is not ours
            del os.environ[name]
    if not has_display():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    check_display()


def run_app(
    config: SessionConfig,
    *,
    session_factory: Callable[[SessionConfig], Session] | None = None,
    backend: Backend | None = None,
    on_estimate: Callable[[Estimate], None] | None = None,
    screenshot: Path | None = None,
    seconds: float | None = None,
    counters: Path | None = None,
) -> int:
    """Show the window until it is closed; 0, or 1 if the session could not start.

    Args:
        config: how the session begins.
        session_factory: makes the session, in a background thread; by default the real one.
        backend: also where fusions and device lists come from.
        on_estimate: called with each estimate, from the inference thread.
        screenshot: where a picture of the window is saved just before it closes by itself.
        seconds: close by itself so long after a model began to answer, or failed to.
        counters: where is written at the end what was painted and what it cost.

    Raises:
        EmoliveError: the screen does not answer, or the counters cannot be written.
    """
    meter = RenderMetrics() if counters is not None else None
    hear = on_estimate
    if meter is not None and counters is not None:
        ensure_writable(counters)
        hear = _both(meter.heard, on_estimate)
    prepare_environment()
    from PySide6.QtCore import QEventLoop, QTimer
    from PySide6.QtWidgets import QApplication

    from emolive.gui import theme
    from emolive.gui.main_window import MainWindow

    app = QApplication.instance() or QApplication(sys.argv[:1])
    if not isinstance(app, QApplication):
        raise RuntimeError("The window needs a QApplication, but there is another kind of Qt application.")
    app.setApplicationName("emolive")
    app.setQuitOnLastWindowClosed(False)
    theme.apply(app)
    backend = backend or Backend()
    if session_factory is not None:
        backend = replace(backend, session=session_factory)
    window = MainWindow(config, backend, hear)
    window.video.meter = meter
    opened_s = time.monotonic()
    limit = QTimer()

    def wait_for_session() -> None:
        if seconds is not None and (window.link.settled or time.monotonic() - opened_s > LOADING_S):
            limit.stop()
            QTimer.singleShot(round(1000 * seconds), leave)

    def leave() -> None:
        if meter is not None:
            meter.stop()
        if screenshot is not None:
            screenshot.parent.mkdir(parents=True, exist_ok=True)
            if not window.grab().save(str(screenshot)):
                log.error("The picture of the window could not be saved: %s", screenshot)
        window.close()

    loop = QEventLoop()
    window.finished.connect(loop.quit)
    limit.timeout.connect(wait_for_session)
    limit.start(100)
    window.show()
    QTimer.singleShot(FIRST_PAINT_MS, window.begin)
    with _closed_by_signals(window.close):
        loop.exec()
    limit.stop()
    window.deleteLater()
    if meter is not None and counters is not None:
        meter.save(counters)
    return 1 if window.link.error else 0


def _both(
    first: Callable[[Estimate], None], second: Callable[[Estimate], None] | None
) -> Callable[[Estimate], None]:
    def call(estimate: Estimate) -> None:
        first(estimate)
        if second is not None:
            second(estimate)

    return call


@contextmanager
def _closed_by_signals(close: Callable[[], object]) -> Iterator[None]:
    """Let Ctrl-C in the terminal, or a polite kill, close the window."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(signum: int, frame: FrameType | None) -> None:
        close()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
