"""The people with a saved baseline: use one, or delete it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from emolive.gui.i18n import tr
from emolive.gui.theme import SIZES
from emolive.gui.widgets.page import Page
from emolive.people import SavedPerson


class PeopleView(Page):
    """One row a person. Deleting asks once more on the button itself."""

    chosen = Signal(str)
    deleted = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, tr("People"))
        self.names: tuple[str, ...] = ()
        self.add_close_button()

    def show_people(self, people: Sequence[SavedPerson], present: str) -> None:
        """List people.

        Args:
            people: those with a saved baseline.
            present: the name of the person in use.
        """
        self.clear_content()
        self.names = tuple(person.name for person in people)
        if people:
            self.add_text(tr("Their neutral baselines are kept on this computer only."), dim=True)
        else:
            self.add_text(tr("Nobody is calibrated yet: type a name under Person and press Calibrate."))
        for person in people:
            self.content.addWidget(self._row(person, present))
        self.relayout()

    def _row(self, person: SavedPerson, present: str) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SIZES.gap_px)
        saved = time.strftime("%Y-%m-%d", time.localtime(person.saved_at_s))
        name = QLabel(f"{person.name}  ·  {saved}")
        name.setTextFormat(Qt.TextFormat.PlainText)
        use = QPushButton(tr("in use") if person.name == present else tr("Use"))
        use.setEnabled(person.name != present)
        use.setAccessibleName(tr("Use {name}", name=person.name))
        use.clicked.connect(lambda: self.chosen.emit(person.name))
        delete = QPushButton(tr("Delete"))
        delete.setAccessibleName(tr("Delete {name}", name=person.name))
        delete.clicked.connect(lambda: self._delete(delete, person.name))
        layout.addWidget(name, 1)
        layout.addWidget(use)
        layout.addWidget(delete)
        return row

    def _delete(self, button: QPushButton, name: str) -> None:
        question = tr("Really delete?")
        if button.text() == question:
            self.deleted.emit(name)
        else:
            button.setText(question)
