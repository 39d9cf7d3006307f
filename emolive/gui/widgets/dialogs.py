"""Dialogs for a file or an address. They do not block the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QInputDialog, QWidget

from emolive.gui.i18n import tr


def ask_for_file(parent: QWidget, title: str, filters: str, on_chosen: Callable[[Path], None]) -> None:
    """Open a file dialog; `on_chosen` gets the file and is not called if the dialog is dismissed."""
    dialog = QFileDialog(parent, title, "", filters)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.fileSelected.connect(lambda path: on_chosen(Path(path)))
    dialog.open()


def ask_for_stream(parent: QWidget, on_chosen: Callable[[str], None]) -> None:
    """Ask for a stream's address; `on_chosen` is called only with one that has a scheme (http://…)."""
    dialog = QInputDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(tr("Stream address"))
    dialog.setLabelText(tr("Address of a video stream (http, rtsp):"))
    dialog.setTextValue("http://")
    dialog.resize(420, dialog.sizeHint().height())
    dialog.textValueSelected.connect(lambda text: on_chosen(text.strip()) if "://" in text else None)
    dialog.open()
