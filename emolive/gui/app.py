"""Opens the window and runs it until it is closed."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from emolive.atomic_io import ensure_writable
from emolive.gui.display import check_display, has_display
from emolive.gui.render_metrics import RenderMetrics
from emolive.gui.services import Services
from emolive.session.config import SessionConfig
from emolive.types import Estimate

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

log = logging.getLogger(__name__)

EstimateCallback = Callable[[Estimate], None]

FIRST_PAINT_MS = 30
"""The empty window is painted before anything large is imported."""
LOADING_S = 90.0
"""A run of limited duration waits at most so long for the model before its time counts."""


def prepare_environment() -> None:
    """Let Qt find its own plug-ins, and render offscreen without a display.

    Raises:
        DeviceError: the environment names a display that does not answer.
        MissingDependencyError: the library that connects to the display is missing.
    """
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in os.environ.get(name, ""):  # `import cv2` sets it to the plug-ins of its own Qt
            del os.environ[name]
    if not has_display():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    check_display()


def run_app(
    config: SessionConfig,
    *,
    services: Services | None = None,
    on_estimate: EstimateCallback | None = None,
    report_problems: Callable[[Callable[[str], None]], None] | None = None,
    screenshot: Path | None = None,
    seconds: float | None = None,
    counters: Path | None = None,
    record: Path | None = None,
    welcome: bool = False,
    remembered: Collection[str] = (),
) -> int:
    """Show the window until it is closed.

    Args:
        config: how the session starts.
        services: where the session, the fusions and the devices come from; the real ones by default.
        on_estimate: called with each estimate, in a thread of its own.
        report_problems: gets a function that shows a sentence in the window, from any thread.
        screenshot: file for an image of the window, saved before it closes by itself.
        seconds: close by itself this long after a model was loaded or could not be.
        counters: file for the render metrics, as JSON.
        record: record into a new folder in this one from the beginning.
        remembered: the fields of `config` that are of the last time; without their devices it starts, too.
        welcome: greet a new user, and say whether emolive is open already.

    Returns:
        0, or 1 if the session could not start.

    Raises:
        EmoliveError: the display does not answer, or the counters cannot be written.
    """
    metrics = RenderMetrics() if counters is not None else None
    if counters is not None:
        ensure_writable(counters)
    prepare_environment()
    from PySide6.QtCore import QEventLoop, QTimer

    from emolive.gui.main_window import MainWindow
    from emolive.gui.single_instance import InstanceLock

    app = _create_application()
    app.setQuitOnLastWindowClosed(False)
    lock = InstanceLock() if welcome else None
    window = MainWindow(config, services, _publish_to(metrics, on_estimate), record, remembered)
    window.view.video.metrics = metrics
    if report_problems is not None:
        report_problems(window.controller.command_failed.emit)
    opened_s = time.monotonic()
    model_timer = QTimer()

    def wait_for_model() -> None:
        if window.controller.model_settled or time.monotonic() - opened_s > LOADING_S:
            model_timer.stop()
            QTimer.singleShot(round(1000 * (seconds or 0)), leave)

    def leave() -> None:
        if metrics is not None:
            metrics.stop()
        if screenshot is not None:
            screenshot.parent.mkdir(parents=True, exist_ok=True)
            if not window.grab().save(str(screenshot)):
                log.error("The screenshot could not be saved: %s", screenshot)
        window.close()

    loop = QEventLoop()
    window.finished.connect(loop.quit)
    if seconds is not None:
        model_timer.timeout.connect(wait_for_model)
        model_timer.start(100)
    window.show()
    QTimer.singleShot(FIRST_PAINT_MS, window.begin)
    if lock is not None:
        QTimer.singleShot(FIRST_PAINT_MS, lambda: window.greet(is_first=lock.is_first))
    # From the event loop: a signal may arrive while the window is being painted.
    with _close_on_signals(lambda: QTimer.singleShot(0, window.close)):
        loop.exec()
    model_timer.stop()
    if lock is not None:
        lock.release()
    error = window.controller.error
    window.deleteLater()
    if metrics is not None and counters is not None:
        metrics.save(counters)
    return 1 if error else 0


def _create_application() -> QApplication:
    """The Qt application with its name, language, theme and sizes."""
    from PySide6.QtCore import QLocale
    from PySide6.QtWidgets import QApplication

    from emolive.gui import i18n, theme
    from emolive.gui.theme_switch import saved_theme
    from emolive.gui.ui_settings import UiSettings

    app = QApplication.instance() or QApplication(sys.argv[:1])
    if not isinstance(app, QApplication):
        raise RuntimeError("The window needs a QApplication, but there is another kind of Qt application.")
    app.setApplicationName("emolive")
    app.setDesktopFileName("emolive")
    i18n.use_language(QLocale.system().uiLanguages())
    screen = app.primaryScreen()
    scale = theme.scale_for(screen.availableGeometry().height()) if screen is not None else 1.0
    theme.apply(app, saved_theme(UiSettings()), scale=scale)
    return app


def _publish_to(
    metrics: RenderMetrics | None, on_estimate: EstimateCallback | None
) -> EstimateCallback | None:
    if metrics is None or on_estimate is None:
        return on_estimate if metrics is None else metrics.estimate_published

    def publish(estimate: Estimate) -> None:
        metrics.estimate_published(estimate)
        on_estimate(estimate)

    return publish


@contextmanager
def _close_on_signals(close: Callable[[], object]) -> Iterator[None]:
    """Close the window on SIGINT (Ctrl-C) and SIGTERM."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(signum: int, frame: FrameType | None) -> None:
        close()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
