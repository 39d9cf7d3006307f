"""Renders the window on the drawn demo with the shipped model, offscreen, for the README.

Usage: python tools/screenshot.py [FILE]
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "docs" / "images" / "window.png"
EMOTION = "happy"
NOT_BEFORE_S = 60.0
"""In the demo's second pass: by then the timeline is full."""
LABEL_DURATION_S = 1.5
MIN_CONFIDENCE = 0.6
"""The screenshot is saved when the label has been shown for this long, and so clearly."""
TIMEOUT_S = 180.0
SCALE = "1.5"
"""Device pixels a point: sharp on high-density screens."""


def main() -> int:
    """Wait until the model names the demo's emotion from face and voice, and save the window."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    sys.path.insert(0, str(ROOT))
    os.environ.update(QT_QPA_PLATFORM="offscreen", QT_SCALE_FACTOR=SCALE)
    with tempfile.TemporaryDirectory() as home:
        os.environ["EMOLIVE_HOME"] = home  # without the user's settings and baselines
        saved = _render(output)
    sys.stdout.write(f"{output}\n" if saved else "The window showed no estimate of the demo in time.\n")
    return 0 if saved else 1


def _render(output: Path) -> bool:
    from PySide6.QtCore import QDeadlineTimer, QEventLoop, QTimer
    from PySide6.QtWidgets import QApplication

    from emolive.gui import theme
    from emolive.gui.app import prepare_environment
    from emolive.gui.main_window import MainWindow
    from emolive.session.config import SessionConfig
    from emolive.types import Estimate

    prepare_environment()
    app = QApplication([])
    theme.apply(app)
    streak: list[Estimate] = []

    def on_estimate(estimate: Estimate) -> None:
        fits = estimate.label == EMOTION and estimate.modality == "av" and estimate.t_s > NOT_BEFORE_S
        fits = fits and estimate.confidence > MIN_CONFIDENCE
        streak[:] = [*streak, estimate] if fits else []

    window = MainWindow(SessionConfig(source="demo", person="guest"), on_estimate=on_estimate)
    loop, timer, deadline = QEventLoop(), QTimer(), QDeadlineTimer(round(1000 * TIMEOUT_S))

    def check() -> None:
        stands = len(streak) > 1 and streak[-1].t_s - streak[0].t_s >= LABEL_DURATION_S
        if stands or deadline.hasExpired():
            timer.stop()
            if stands:
                output.parent.mkdir(parents=True, exist_ok=True)
                window.grab().save(str(output))
            window.close()

    window.finished.connect(loop.quit)
    timer.timeout.connect(check)
    timer.start(50)
    window.resize(1280, 800)
    window.show()
    QTimer.singleShot(50, window.begin)
    loop.exec()
    return not deadline.hasExpired()


if __name__ == "__main__":
    raise SystemExit(main())
