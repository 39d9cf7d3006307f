"""The sentences that were said, newest first."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from emolive.gui.i18n import tr
from emolive.gui.truth import LogEntry
from emolive.gui.widgets.page import Page


class LogView(Page):
    """Lists the entries of the log."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, tr("Messages"))
        self.texts: tuple[str, ...] = ()
        self.add_close_button()

    def show_entries(self, present: Sequence[str], entries: Sequence[LogEntry]) -> None:
        """Show what is wrong now, then the log.

        Args:
            present: the sentences of the present warnings and errors, the gravest first.
            entries: of the log, oldest first.
        """
        self.clear_content()
        texts = []
        if present:
            self.add_text(tr("Now"), dim=True)
            for text in present:
                self.add_text(text)
                texts.append(text)
        self.add_text(tr("Since the start") if entries else tr("Nothing has happened yet."), dim=True)
        for entry in reversed(entries):
            at = time.strftime("%H:%M:%S", time.localtime(entry.time_s))
            times = f" ×{entry.count}" if entry.count > 1 else ""
            label = QLabel(f"{at}  {entry.text}{times}")
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setObjectName("message")
            label.setProperty("severity", entry.severity if entry.severity != "ok" else "info")
            self.content.addWidget(label)
            texts.append(entry.text)
        self.texts = tuple(texts)
        self.setAccessibleDescription(" ".join(self.texts))
        self.relayout()
