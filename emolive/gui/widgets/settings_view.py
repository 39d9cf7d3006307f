"""The settings of how the model answers: one row each, explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from emolive.gui.i18n import tr
from emolive.gui.model_choices import Choice
from emolive.gui.theme import SIZES
from emolive.gui.widgets.dropdown import Dropdown
from emolive.gui.widgets.page import Page

WIDTH_OF_TEXT = 48


class SettingsView(Page):
    """Each choice takes effect at once; a line below it says what it means."""

    chosen = Signal(str, str)
    """The option and its new value."""
    load_wanted = Signal()
    """A checkpoint is to be chosen."""

    def __init__(self, parent: QWidget, choices: Sequence[Choice]) -> None:
        super().__init__(parent, tr("Settings of the model"), width_of_text=WIDTH_OF_TEXT)
        self._explanations = {choice.option: choice.explanations for choice in choices}
        self.dropdowns: dict[str, Dropdown] = {}
        """By option."""
        self._notes: dict[str, QLabel] = {}
        table = QWidget()
        grid = QGridLayout(table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(SIZES.gap_px * 2)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        for choice in choices:
            self._add_row(grid, choice)
        self._checkpoint = QLabel()
        self._checkpoint.setTextFormat(Qt.TextFormat.PlainText)
        self._checkpoint.setWordWrap(True)
        load = QPushButton(tr("Load a checkpoint…"))
        load.clicked.connect(self._load)
        row = grid.rowCount()
        grid.addWidget(QLabel(tr("Checkpoint")), row, 0)
        grid.addWidget(load, row, 1, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(self._checkpoint, row + 1, 1)
        self._checkpoint.setObjectName("note")
        self.content.addWidget(table)
        self._in_use = self.add_text("", dim=True)
        self.add_close_button()

    def _add_row(self, grid: QGridLayout, choice: Choice) -> None:
        dropdown = Dropdown(choice.title)
        title = QLabel(choice.title)
        title.setBuddy(dropdown)
        note = QLabel()
        note.setObjectName("note")
        note.setWordWrap(True)
        note.setContentsMargins(0, 0, 0, SIZES.gap_px)
        row = grid.rowCount()
        grid.addWidget(title, row, 0)
        grid.addWidget(dropdown, row, 1)
        grid.addWidget(note, row + 1, 1)
        self.dropdowns[choice.option], self._notes[choice.option] = dropdown, note
        self.fill(choice)
        dropdown.chosen.connect(lambda value, option=choice.option: self.chosen.emit(option, value))

    def fill(self, choice: Choice) -> None:
        """List the values of a choice anew: it became known which are possible."""
        dropdown = self.dropdowns[choice.option]
        value = dropdown.currentData()
        dropdown.fill(choice.titles, choice.problems, explanations=choice.explanations)
        dropdown.show_value(value or "")

    def show_values(self, values: Mapping[str, str], *, checkpoint: str, in_use: str) -> None:
        """Show what is in use. Cheap if called often.

        Args:
            values: by option.
            checkpoint: name of the model's file.
            in_use: how the model runs, in a sentence.
        """
        changed = self._checkpoint.text() != checkpoint or self._in_use.text() != in_use
        self._checkpoint.setText(checkpoint)
        self._in_use.setText(in_use)
        for option, value in values.items():
            self.dropdowns[option].show_value(value)
            explanation = self._explanations[option].get(value, "")
            if self._notes[option].text() != explanation:
                self._notes[option].setText(explanation)
                changed = True
        if changed:
            self.relayout()

    def _load(self) -> None:
        self.close_page()
        self.load_wanted.emit()
