"""The keys of the window, read from its actions."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.theme import SIZES
from emolive.gui.widgets.page import Page


class HelpView(Page):
    """Lists keys and what they do."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, tr("Keys"))
        self._rows: tuple[tuple[str, str], ...] = ()
        self.add_close_button()

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """Keys and their actions."""
        return self._rows

    @rows.setter
    def rows(self, rows: tuple[tuple[str, str], ...]) -> None:
        self._rows = rows
        self.clear_content()
        table = QWidget()
        grid = QGridLayout(table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(SIZES.gap_px * 2)
        grid.setVerticalSpacing(SIZES.gap_px // 2)
        grid.setColumnStretch(1, 1)
        for row, (keys, meaning) in enumerate(rows):
            name, text = QLabel(keys), QLabel(meaning)
            name.setObjectName("keys")
            for label in (name, text):
                label.setTextFormat(Qt.TextFormat.PlainText)
            text.setWordWrap(True)
            grid.addWidget(name, row, 0)
            grid.addWidget(text, row, 1)
        self.content.addWidget(table)
        self.add_text(tr("Drop a media file or a checkpoint on the window to open it."), dim=True)
        self.add_text(strings.disclaimer(), dim=True)
