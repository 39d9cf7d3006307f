"""Below everything: a sentence where one is needed, the chips, and what this is not."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from emolive.gui import strings as words
from emolive.gui import theme
from emolive.gui.status_badges import StatusBadgeRow
from emolive.types import Severity, Status

NOTICE_S = 10.0
"""How long a refusal stays to be read."""


class StatusBar(QWidget):
    """The sentence is the newest refusal, else the worst status, else the hint."""

    retry = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.chips = StatusBadgeRow()
        self.sentence = QLabel()
        self.sentence.setObjectName("sentence")
        self.sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.sentence.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.retry_button = QPushButton("Try again")
        self.retry_button.hide()
        self.retry_button.clicked.connect(self.retry)
        note = QLabel(words.NOTE)
        note.setObjectName("note")
        self._text = ""
        self._statuses: tuple[Status, ...] = ()
        self._hint = False
        self._notice = ""
        self._notice_s = 0.0
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(self.sentence, 1)
        top.addWidget(self.retry_button)
        top.addWidget(note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 0, 2, 0)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addWidget(self.chips)

    def show_statuses(self, statuses: Sequence[Status], *, retry: bool = False) -> None:
        """Put the statuses on the chips and the worst one into words."""
        if tuple(statuses) != self._statuses:
            self._statuses = tuple(statuses)
            self.chips.show_statuses(self._statuses)
        self.retry_button.setVisible(retry)
        self._write()

    def show_hint(self, wanted: bool) -> None:
        """Whether to suggest a calibration while there is nothing graver to say."""
        self._hint = wanted

    def say(self, sentence: str) -> None:
        """Say for a while why a wish was refused."""
        self._notice, self._notice_s = sentence, time.monotonic()
        self._write()

    @property
    def text(self) -> str:
        """The whole sentence, also where the window is too narrow for it."""
        return self._text

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._elide()

    def _write(self) -> None:
        level: Severity = "info"
        text = words.HINT if self._hint else ""
        if (status := words.worst(self._statuses)) is not None:
            level, text = status.level, words.sentence(status)
        if self._notice and time.monotonic() - self._notice_s < NOTICE_S:
            level, text = "warning", self._notice
        color = theme.DIM if level == "info" else theme.LEVEL_COLORS[level]
        if text != self._text:
            self._text = text
            self.sentence.setToolTip(words.HINT_WHY if text == words.HINT else text)
            self.sentence.setStyleSheet(f"color: {color}")
        self._elide()

    def _elide(self) -> None:
        room = self.sentence.width()
        shown = self.sentence.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, room)
        if shown != self.sentence.text():
            self.sentence.setText(shown)
