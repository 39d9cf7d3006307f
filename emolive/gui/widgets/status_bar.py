"""The bottom of the window: a message if there is one, the badges, and the disclaimer."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.theme import SIZES
from emolive.gui.view_state import Notice, StatusLine, StatusState
from emolive.gui.widgets.status_badges import StatusBadgeRow
from emolive.types import Severity, Status

MESSAGE_S = 10.0
"""How long a message stays."""


class StatusBar(QWidget):
    """Shows the newest message for a while, else the line of the state."""

    retry = Signal()
    log_wanted = Signal()
    """The messages are to be shown."""
    said = Signal(str)
    """A message was shown by `show_message`."""

    def __init__(self) -> None:
        super().__init__()
        self.badges = StatusBadgeRow()
        self._label = QLabel()
        self._label.setObjectName("message")
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.retry_button = QPushButton(tr("Try again"))
        self.retry_button.hide()
        self.retry_button.clicked.connect(self.retry)
        self.others_button = QPushButton()
        self.others_button.setToolTip(tr("Show all messages (N)"))
        self.others_button.clicked.connect(self.log_wanted)
        self.others_button.hide()
        self.badges.clicked.connect(self.log_wanted)
        note = QLabel(strings.disclaimer())
        note.setObjectName("note")
        self._statuses: tuple[Status, ...] | None = None
        self._line = StatusLine()
        self._message = StatusLine()
        self._message_until_s = 0.0
        self._notice: Notice | None = None
        self._displayed_line = StatusLine()
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(self._label, 1)
        top.addWidget(self.others_button)
        top.addWidget(self.retry_button)
        top.addWidget(note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 0, 2, 0)
        layout.setSpacing(SIZES.gap_px - 2)
        layout.addLayout(top)
        layout.addWidget(self.badges)

    @property
    def text(self) -> str:
        """The full message, even where the window is too narrow for it."""
        return self._displayed_line.text

    def show_state(self, state: StatusState) -> None:
        """Show badges and line. To be called often."""
        if state.statuses != self._statuses:
            self._statuses = state.statuses
            self.badges.show_statuses(state.statuses)
        self.retry_button.setVisible(state.can_retry)
        self.others_button.setVisible(state.others > 0)
        if state.others:
            self.others_button.setText(tr("+{count} more", count=state.others))
        if state.notice is not None and state.notice != self._notice:
            self._notice = state.notice
            self._show_for_a_while(state.notice.text, state.notice.severity)
        self._line = state.line
        self._update_line()

    def show_message(self, sentence: str) -> None:
        """Show a sentence for `MESSAGE_S` seconds in place of the line."""
        self._show_for_a_while(sentence, "warning")
        self.said.emit(sentence)

    def _show_for_a_while(self, sentence: str, severity: Severity) -> None:
        self._message = StatusLine(sentence, severity, sentence)
        self._message_until_s = time.monotonic() + MESSAGE_S
        self._update_line()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._elide()

    def _update_line(self) -> None:
        line = self._message if time.monotonic() < self._message_until_s else self._line
        if line == self._displayed_line:
            return
        self._displayed_line = line
        self._label.setToolTip(line.tooltip)
        self._label.setProperty("severity", line.severity)
        self._label.style().polish(self._label)  # the style sheet depends on the property
        self._elide()

    def _elide(self) -> None:
        room = self._label.width()
        elided = self._label.fontMetrics().elidedText(
            self._displayed_line.text, Qt.TextElideMode.ElideRight, room
        )
        if elided != self._label.text():
            self._label.setText(elided)
