"""The right-hand column: the label in large letters, its modality, and the bars."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, emotion_colors
from emolive.gui.view_state import EstimateView, ResultState
from emolive.gui.widgets.bars import Bars

FADE_STEP_S = 0.1
"""While it fades, it is painted at most this often."""


class ResultsPanel(QWidget):
    """Shows the newest estimate; without a new one it fades to empty."""

    def __init__(self) -> None:
        super().__init__()
        self.headline = QLabel()
        self.headline.setObjectName("headline")
        self.headline.setTextFormat(Qt.TextFormat.PlainText)
        self.subline = QLabel()
        self.subline.setObjectName("subline")
        self.subline.setWordWrap(True)
        self.bars = Bars()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.headline)
        layout.addWidget(self.subline)
        layout.addSpacing(6)
        layout.addWidget(self.bars, 1)
        self._state: tuple[EstimateView | None, float, str] | None = None
        self._painted_s = 0.0

    def show_result(self, result: ResultState) -> None:
        """Show changes: a new estimate at once, so that its number equals the one on the video."""
        now_s = time.monotonic()
        state = (result.estimate, result.presence, result.waiting)
        fading = 0 < result.presence < 1 and now_s - self._painted_s < FADE_STEP_S
        if state == self._state or fading:
            return
        self._state, self._painted_s = state, now_s
        if result.estimate is not None:
            self.bars.set_labels(result.estimate.labels)
            label = None if result.current is None else result.current.label
            self.bars.show_values(result.estimate.probs, label, presence=result.presence)
        self._show_text(result)

    def _show_text(self, result: ResultState) -> None:
        color, headline, subline = COLORS.faint, "–", result.waiting
        if (estimate := result.current) is not None:
            color, headline = COLORS.dim, estimate.caption.capitalize()
            subline = tr("from {modality}", modality=estimate.modality)
            if estimate.label is not None:
                color = emotion_colors(estimate.labels)[estimate.labels.index(estimate.label)].name()
        self.headline.setText(headline)
        self.headline.setStyleSheet(f"QLabel#headline {{ color: {color}; }}")
        self.subline.setText(subline)
