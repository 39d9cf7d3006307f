"""Version, licence and what a bug report needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from emolive.gui import about
from emolive.gui.i18n import tr
from emolive.gui.widgets.page import Page


class AboutView(Page):
    """Args: the page's parent, and what gives the sentences of the present statuses."""

    def __init__(self, parent: QWidget, statuses: Callable[[], Sequence[str]]) -> None:
        super().__init__(parent, tr("About emolive"))
        self._statuses = statuses
        self.add_text(tr("Version {version}", version=about.version()))
        self.add_text(about.licence())
        for sentence in about.promises():
            self.add_text(sentence)
        self.add_text(
            tr("For a bug report: copy versions and states, or run emolive doctor, and add what you did."),
            dim=True,
        )
        self._copy = self.add_button(tr("Copy for a bug report"), self._copy_report)
        self.add_close_button()

    def _copy_report(self) -> None:
        QGuiApplication.clipboard().setText(about.report(self._statuses()))
        self._copy.setText(tr("Copied"))
