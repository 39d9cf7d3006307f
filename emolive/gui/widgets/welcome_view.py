"""The first start: what this is, a check of the devices, then live."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QWidget

from emolive.gui import about
from emolive.gui.device_check import Check
from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, SIZES
from emolive.gui.view_state import VideoState
from emolive.gui.widgets.page import Page
from emolive.gui.widgets.video_view import VideoView

BULLET = "•"
_SIGNS = {"ok": "✓", "doubt": "!", "wait": "…"}
_LEVELS = {"ok": "ok", "doubt": "warning", "wait": "info"}


class WelcomeView(Page):
    """Two steps; it can be left at each."""

    tour_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, tr("Welcome to emolive"))
        self.checking = False
        """Whether the check of the devices is shown, which wants `show_check`."""
        self.video: VideoView | None = None
        self._rows: list[tuple[QLabel, QLabel]] = []
        self._later = self.add_button(tr("Skip"), self._leave)
        self._next = self.add_button(tr("Check the devices"), self._go_on, primary=True)
        self.show_promises()

    def show_promises(self) -> None:
        """The first step: what everybody should know."""
        self.checking = False
        self.clear_content()
        self.add_text(tr("It shows which emotion a face and a voice express, while you watch."))
        for sentence in about.promises():
            point = QWidget()
            row = QHBoxLayout(point)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(SIZES.gap_px)
            bullet, text = QLabel(BULLET), QLabel(sentence)
            text.setWordWrap(True)
            row.addWidget(bullet, 0, Qt.AlignmentFlag.AlignTop)
            row.addWidget(text, 1)
            self.content.addWidget(point)
        self._later.setText(tr("Skip"))
        self._next.setText(tr("Check the devices"))
        self.relayout()

    def show_devices(self) -> None:
        """The second step: picture, light, face, sound."""
        self.set_title(tr("Check of the devices"))
        self.checking = True
        self.clear_content()
        self.video = VideoView(plain=True)
        self.video.setFixedHeight(SIZES.text_px * 14)
        self.content.addWidget(self.video)
        table = QWidget()
        grid = QGridLayout(table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(SIZES.gap_px * 2)
        grid.setColumnStretch(2, 1)
        self._rows = []
        for row in range(4):
            title, text = QLabel(), QLabel()
            for column, label in ((1, title), (2, text)):
                label.setTextFormat(Qt.TextFormat.RichText if column == 1 else Qt.TextFormat.PlainText)
                label.setWordWrap(column == 2)
                grid.addWidget(label, row, column)
            self._rows.append((title, text))
        self.content.addWidget(table)
        self._later.setText(tr("Show me around"))
        self._next.setText(tr("Start"))
        self.relayout()

    def show_check(self, video: VideoState, checks: Sequence[Check]) -> None:
        """Show the newest picture and checks, in the second step."""
        if not self.checking or self.video is None:
            return
        self.video.show_state(video)
        changed = False
        for (title, text), check in zip(self._rows, checks, strict=True):
            level = _LEVELS[check.state]
            color = {str(name): value for name, value in COLORS.levels.items()}[level]
            sign = f'<span style="color:{color}">{_SIGNS[check.state]}</span>'
            if text.text() != check.text:
                title.setText(f"{sign}&nbsp; {check.title}")
                text.setText(check.text)
                changed = True
        if changed:
            self.relayout()

    def _leave(self) -> None:
        wants_tour = self.checking
        self.close_page()
        if wants_tour:
            self.tour_wanted.emit()

    def _go_on(self) -> None:
        if self.checking:
            self.close_page()
        else:
            self.show_devices()
