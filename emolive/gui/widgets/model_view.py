"""The card of the model in use."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from emolive.gui.i18n import tr
from emolive.gui.theme import SIZES
from emolive.gui.widgets.page import Page


class ModelView(Page):
    """Rows of titles and values; `on_load` is called to choose another checkpoint."""

    def __init__(self, parent: QWidget, on_load: Callable[[], object]) -> None:
        super().__init__(parent, tr("Model"))
        self.rows: tuple[tuple[str, str], ...] = ()
        self._on_load = on_load
        self.add_button(tr("Load a checkpoint…"), self._load)
        self.add_close_button()

    def show_card(self, rows: Sequence[tuple[str, str]], note: str = "") -> None:
        """Show a card.

        Args:
            rows: titles and values.
            note: below it.
        """
        self.rows = tuple(rows)
        self.clear_content()
        table = QWidget()
        grid = QGridLayout(table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(SIZES.gap_px * 2)
        grid.setColumnStretch(1, 1)
        for row, (title, value) in enumerate(rows):
            name, text = QLabel(title), QLabel(value)
            name.setObjectName("note")
            text.setTextFormat(Qt.TextFormat.PlainText)
            text.setWordWrap(True)
            grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(text, row, 1)
        self.content.addWidget(table)
        if note:
            self.add_text(note, dim=True)
        self.relayout()

    def _load(self) -> None:
        self.close_page()
        self._on_load()
