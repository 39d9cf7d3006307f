"""What else could be watched, where the chosen source cannot be opened."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from emolive.gui.i18n import tr

MOST_CAMERAS = 3


class SourceOffers(QWidget):
    """A row of buttons: the cameras there are, the demo, a file."""

    chosen = Signal(str)
    file_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(8, 4, 8, 8)
        self._cameras: Mapping[str, str] = {}
        self.buttons: list[QPushButton] = []
        self.hide()
        self._fill()

    def show_cameras(self, cameras: Mapping[str, str]) -> None:
        """Offer these cameras, value → title."""
        if dict(cameras) != dict(self._cameras):
            self._cameras = dict(cameras)
            self._fill()

    def _fill(self) -> None:
        while (item := self._row.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.buttons = []
        self._row.addStretch(1)
        offers = dict(list(self._cameras.items())[:MOST_CAMERAS]) | {"demo": tr("Drawn demo")}
        for value, title in offers.items():
            button = QPushButton(title)
            button.clicked.connect(lambda _=False, value=value: self.chosen.emit(value))
            self._add(button)
        button = QPushButton(tr("Open a file…"))
        button.clicked.connect(lambda _=False: self.file_wanted.emit())
        self._add(button)
        self._row.addStretch(1)

    def _add(self, button: QPushButton) -> None:
        self._row.addWidget(button)
        self.buttons.append(button)
