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
    """Ask for a stream's address; `on_chosen` gets it with a scheme, and is not called without an address."""
    dialog = QInputDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(tr("Stream address"))
    dialog.setLabelText(tr("Address of a video stream, such as 192.168.1.20:8080/video or rtsp://…"))
    dialog.resize(420, dialog.sizeHint().height())

    def choose(text: str) -> None:
        if address := stream_address(text):
            on_chosen(address)

    dialog.textValueSelected.connect(choose)
    dialog.open()


def stream_address(text: str) -> str:
    """What was typed, as an address: without a scheme it is http; empty without a host."""
    text = text.strip()
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "http", text
    return f"{scheme}://{rest}" if rest.strip("/ ") else ""
