"""The right-hand column: the label in large letters, where it comes from, and the bars."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout

from emolive.clock import NS_PER_S
from emolive.gui import strings as words
from emolive.gui import theme
from emolive.gui.bars import Bars
from emolive.gui.timeline import Timeline
from emolive.types import UNSURE, Estimate

STALE_S = 1.5
"""An estimate older than this is no longer shown as the present."""
FADE_S = 0.8
PERIOD_S = 0.1
"""Bars and timeline are painted at most this often; the eye wants no more and the CPU is shared."""
SCROLL_S = 0.5
"""How often the timeline moves on while there is no estimate."""


class Reading(QFrame):
    """Shows the newest estimate here and in the timeline; without a new one it fades to empty."""

    def __init__(self, timeline: Timeline) -> None:
        super().__init__()
        self.setObjectName("panel")
        self._timeline = timeline
        self._estimate: Estimate | None = None
        self._seen_s = 0.0
        self._painted_s = 0.0
        self._presence = 0.0
        self.headline = QLabel()
        self.headline.setObjectName("headline")
        self.headline.setTextFormat(Qt.TextFormat.PlainText)
        self.subline = QLabel()
        self.subline.setObjectName("subline")
        self.subline.setWordWrap(True)
        self.bars = Bars()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 16, 10)
        layout.setSpacing(2)
        layout.addWidget(self.headline)
        layout.addWidget(self.subline)
        layout.addSpacing(6)
        layout.addWidget(self.bars, 1)
        self._waiting: str | None = None

    @property
    def build_model(self) -> bool:
        """Whether the shown estimate is of now."""
        return self._estimate is not None and self._presence == 1.0

    def show_estimate(self, estimate: Estimate | None, now_s: float | None = None) -> None:
        """Take what the snapshot holds; paints only what changed, and not more often than PERIOD_S."""
        now_s = time.monotonic() if now_s is None else now_s
        if estimate is not None and estimate is not self._estimate:
            if now_s - self._painted_s < PERIOD_S:
                return
            self._take(estimate, now_s)
        elif now_s - self._painted_s >= PERIOD_S:
            self._age(now_s, gone=estimate is None)

    def _take(self, estimate: Estimate, now_s: float) -> None:
        self._estimate, self._seen_s, self._painted_s, self._presence = estimate, now_s, now_s, 1.0
        self.bars.set_labels(estimate.labels)
        self.bars.show_values(estimate.probs, estimate.label)
        self._timeline.set_labels(estimate.labels)
        self._timeline.add(estimate.t_ns, estimate.probs)
        if self._timeline.isVisible():
            self._timeline.draw(estimate.t_ns, estimate.label)
        self._say(estimate)

    def _age(self, now_s: float, *, gone: bool) -> None:
        """Fade the bars and let the timeline move on."""
        estimate = self._estimate
        if estimate is None or not (gone or now_s - self._seen_s > STALE_S):
            return
        if self._presence > 0.0:
            self._presence = max(0.0, self._presence - PERIOD_S / FADE_S)
            self._painted_s = now_s
            self.bars.show_values(estimate.probs, None, presence=self._presence)
            self._say(None)
        elif now_s - self._painted_s > SCROLL_S and not self._timeline.empty:
            self._painted_s = now_s
        else:
            return
        if self._timeline.isVisible():
            self._timeline.draw(estimate.t_ns + round((now_s - self._seen_s) * NS_PER_S))

    def set_waiting(self, text: str) -> None:
        """What to say while there is no estimate."""
        if text != self._waiting:
            self._waiting = text
            if self._presence < 1.0:
                self._say(None)

    def _say(self, estimate: Estimate | None) -> None:
        if estimate is None:
            color, headline, subline = theme.FAINT, "–", self._waiting or ""
        else:
            color = theme.DIM
            if estimate.label in estimate.labels:
                color = self.bars.color(estimate.label).name()
            unsure = estimate.label == UNSURE
            headline = "Unsure" if unsure else words.caption(estimate).capitalize()
            subline = f"from {words.MODALITY[estimate.modality]}"
        self.headline.setText(headline)
        self.headline.setStyleSheet(f"color: {color}")
        self.subline.setText(subline)
