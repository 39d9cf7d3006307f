"""Questions for a file or an address; they leave the window painting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QInputDialog, QWidget


def ask_for_file(parent: QWidget, title: str, filters: str, done: Callable[[Path], None]) -> None:
    """Open a file dialog; `done` gets the file, nothing happens if it is dismissed."""
    dialog = QFileDialog(parent, title, "", filters)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.fileSelected.connect(lambda path: done(Path(path)))
    dialog.open()


def ask_for_stream(parent: QWidget, done: Callable[[str], None]) -> None:
    """Ask for a stream's address."""
    dialog = QInputDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle("Stream address")
    dialog.setLabelText("Address of a picture stream (http, rtsp):")
    dialog.setTextValue("http://")
    dialog.resize(420, dialog.sizeHint().height())
    dialog.textValueSelected.connect(lambda text: done(text.strip()) if "://" in text else None)
    dialog.open()
