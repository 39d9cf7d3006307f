"""The name under which a person's baseline is saved."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit

from emolive.gui.i18n import tr


class PersonField(QLineEdit):
    """Emits `chosen` when another name was typed; an empty one is undone."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Person"))
        self.setPlaceholderText(tr("name"))
        self.setMinimumWidth(60)
        self.setToolTip(tr("Whose neutral baseline is used. Type a name, or press U for the saved people."))
        self.editingFinished.connect(self._on_edited)
        self._person = ""

    def show_person(self, person: str) -> None:
        """Show the name, unless another one is being typed."""
        self._person = person
        if not self.hasFocus() and self.text() != person:
            self.setText(person)

    def _on_edited(self) -> None:
        name = self.text().strip()
        self.clearFocus()
        if name and name != self._person:
            self.chosen.emit(name)
        elif not name:
            self.setText(self._person)
