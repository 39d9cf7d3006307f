"""Files that are dropped on the window or chosen in a dialog."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from emolive.gui import strings
from tests.helpers.window_driver import WindowDriver


def drop(driver: WindowDriver, path: Path) -> bool:
    """Drag a file over the window and drop it there, by events as Qt sends them; whether it was accepted."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    buttons, keys, action = (
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.DropAction.CopyAction,
    )
    enter = QDragEnterEvent(QPoint(9, 9), action, data, buttons, keys)
    QApplication.sendEvent(driver.window, enter)
    event = QDropEvent(QPointF(9, 9), action, data, buttons, keys)
    QApplication.sendEvent(driver.window, event)
    return enter.isAccepted() and event.isAccepted()


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("clip.mp4", "source"),
        ("clip.without.known.ending", "source"),
        ("model.safetensors", "checkpoint"),
        ("model.onnx", "checkpoint"),
        ("MODEL.ONNX", "checkpoint"),
    ],
)
def test_a_dropped_file_is_played_or_loaded(
    driver: WindowDriver, tmp_path: Path, name: str, call: str
) -> None:
    driver.open()
    assert drop(driver, tmp_path / name)
    driver.until(lambda: [str(value) for value in driver.session.called(call)] == [str(tmp_path / name)])
    other = {"source": "checkpoint", "checkpoint": "source"}[call]
    assert driver.session.called(other) == []


@pytest.mark.parametrize("name", ["model.pth", "model.pt", "model.ckpt"])
def test_a_dropped_pickle_is_refused_with_the_command_that_converts_it(
    driver: WindowDriver, tmp_path: Path, name: str
) -> None:
    window = driver.open()
    drop(driver, tmp_path / name)
    driver.until(lambda: name in window.view.status_bar.text)
    assert "emolive import-checkpoint" in window.view.status_bar.text
    assert driver.session.called("checkpoint") == []
    assert driver.session.called("source") == []


def test_what_is_no_local_file_is_not_accepted(driver: WindowDriver) -> None:
    driver.open()
    data = QMimeData()
    data.setText("not a file")
    event = QDragEnterEvent(
        QPoint(9, 9),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(driver.window, event)
    assert not event.isAccepted()


def test_the_dialog_offers_what_can_be_loaded() -> None:
    assert strings.checkpoint_filter() == "Checkpoints (*.safetensors *.onnx);;All files (*)"
