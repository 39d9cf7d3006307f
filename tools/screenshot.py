"""Renders the window on the drawn demo with the shipped model, offscreen, for the README.

The demo is not paced: it waits for the model, so that a slow computer takes the same picture, only later.

Usage: python tools/screenshot.py [FILE]
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emolive.gui.main_window import MainWindow

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "docs" / "images" / "window.png"
EMOTION = "happy"
NOT_BEFORE_S = 45.0
"""In the demo's second pass: by then the timeline is nearly full."""
LABEL_DURATION_S = 1.5
MIN_CONFIDENCE = 0.6
"""The screenshot is saved when the label has been shown for this long, and so clearly."""
LENGTH_S = 60.0
"""Of the demo: into its second pass, as far as the emotion lasts."""
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
    sys.stdout.write(f"{output}\n" if saved else f"The model never named {EMOTION} clearly enough.\n")
    return 0 if saved else 1


def _render(output: Path) -> bool:
    from PySide6.QtCore import QEventLoop, QTimer
    from PySide6.QtWidgets import QApplication

    from emolive.capture.synthetic import source
    from emolive.gui import theme
    from emolive.gui.app import prepare_environment
    from emolive.gui.main_window import MainWindow
    from emolive.session.config import SessionConfig
    from emolive.types import Estimate

    prepare_environment()
    app = QApplication([])
    theme.apply(app)
    source.PASS_S = LENGTH_S  # type: ignore[misc]
    streak: list[Estimate] = []

    def on_estimate(estimate: Estimate) -> None:
        fits = estimate.label == EMOTION and estimate.modality == "av" and estimate.t_s > NOT_BEFORE_S
        fits = fits and estimate.confidence > MIN_CONFIDENCE
        streak[:] = [*streak, estimate] if fits else []

    window = MainWindow(SessionConfig(source="demo", person="guest", paced=False), on_estimate=on_estimate)
    loop, timer = QEventLoop(), QTimer()
    saved = False

    def check() -> None:
        nonlocal saved
        stands = len(streak) > 1 and streak[-1].t_s - streak[0].t_s >= LABEL_DURATION_S
        shown = stands and _names(window, EMOTION)
        snapshot = window.controller.snapshot()
        ended = window.controller.state == "failed" or (snapshot is not None and snapshot.ended)
        if shown or ended:
            timer.stop()
            if shown:
                output.parent.mkdir(parents=True, exist_ok=True)
                saved = window.grab().save(str(output))
            window.close()

    window.finished.connect(loop.quit)
    timer.timeout.connect(check)
    timer.start(50)
    window.resize(1280, 800)
    window.show()
    QTimer.singleShot(50, window.begin)
    loop.exec()
    return saved


def _names(window: MainWindow, label: str) -> bool:
    """Whether the window shows this label, without doubt."""
    estimate = window.view.video.state.estimate
    return estimate is not None and estimate.label == label and estimate.rival is None


if __name__ == "__main__":
    raise SystemExit(main())
