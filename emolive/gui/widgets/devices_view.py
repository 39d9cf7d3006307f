"""The list of cameras and microphones, with the picture and the level of the one that is marked."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from emolive.gui.device_names import DeviceKind
from emolive.gui.i18n import tr
from emolive.gui.theme import SIZES
from emolive.gui.view_state import Message, VideoState
from emolive.gui.widgets.level_meter import LevelMeter
from emolive.gui.widgets.page import Page
from emolive.gui.widgets.video_view import VideoView
from emolive.types import Frame

WIDTH_OF_TEXT = 56
PICTURE_OF_TEXT = (22, 13)
"""Width and height of the picture, in multiples of the text's size."""
ROWS = 3
"""Of each list, without scrolling."""
METER_OF_TEXT = 0.6


class DeviceList(QWidget):
    """The devices of one kind: one is marked, and used by its button, Enter or a double click."""

    marked = Signal(str)
    """The value of the device that is to be previewed."""
    chosen = Signal(str)
    """The value of the device that is to be used."""

    def __init__(self, title: str, use: str, *, searching: str, empty: str) -> None:
        """Without devices yet.

        Args:
            title: of the list.
            use: text of the button that uses a device.
            searching: shown until the devices are read.
            empty: shown where there is no device.
        """
        super().__init__()
        self._titles: dict[str, str] | None = None
        self._in_use = ""
        self._empty = empty
        self.list = QListWidget()
        self.list.setAccessibleName(title)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFixedHeight(round(ROWS * 2.0 * SIZES.text_px) + 10)
        self.list.currentItemChanged.connect(lambda *_: self._mark())
        self.list.itemActivated.connect(lambda _: self._choose())
        self.use = QPushButton(use)
        self.use.clicked.connect(self._choose)
        self.note = QLabel()
        self.note.setObjectName("note")
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setWordWrap(True)
        caption = QLabel(title)
        caption.setObjectName("caption")
        caption.setBuddy(self.list)
        row = QHBoxLayout()
        row.addWidget(self.note, 1)
        row.addWidget(self.use)
        self._layout = layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(caption)
        layout.addWidget(self.list)
        layout.addLayout(row)
        self._say(searching)
        self._mark()

    def add_below_list(self, widget: QWidget) -> None:
        """Put a widget between the list and its button."""
        self._layout.insertWidget(self._layout.count() - 1, widget)

    @property
    def value(self) -> str:
        """Of the marked device; "" if there is none."""
        item = self.list.currentItem()
        return "" if item is None else str(item.data(Qt.ItemDataRole.UserRole) or "")

    def show_devices(self, titles: Mapping[str, str], in_use: str) -> None:
        """List devices; the marked one stays marked if it is still there.

        Args:
            titles: value → title.
            in_use: the value of the device in use.
        """
        if (titles, in_use) == (self._titles, self._in_use):
            return
        before = self.value
        self._titles, self._in_use = dict(titles), in_use
        self.list.blockSignals(True)
        self.list.clear()
        for value, title in titles.items():
            item = QListWidgetItem(tr("{device}  ·  in use", device=title) if value == in_use else title)
            item.setData(Qt.ItemDataRole.UserRole, value)
            self.list.addItem(item)
            if value == (before if before in titles else in_use):
                self.list.setCurrentItem(item)
        if not titles:
            self._say(self._empty)
        elif self.list.currentItem() is None:
            self.list.setCurrentRow(0)
        self.list.blockSignals(False)
        self._mark()

    def show_note(self, text: str) -> None:
        """Say why there is no preview."""
        if self.note.text() != text:
            self.note.setText(text)

    def _say(self, text: str) -> None:
        """Show a text in place of devices."""
        item = QListWidgetItem(text)
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        self.list.addItem(item)

    def _mark(self) -> None:
        self.use.setEnabled(bool(self.value) and self.value != self._in_use)
        self.marked.emit(self.value)

    def _choose(self) -> None:
        if self.value and self.value != self._in_use:
            self.chosen.emit(self.value)


class DevicesView(Page):
    """Cameras with a picture, microphones with a level."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, tr("Cameras and microphones"), width_of_text=WIDTH_OF_TEXT)
        self.add_text(tr("What is marked is shown here only. The window goes on until you use it."), dim=True)
        self.video = VideoView(plain=True)
        self.video.setFixedSize(*(part * SIZES.text_px for part in PICTURE_OF_TEXT))
        self.cameras = DeviceList(
            tr("Cameras"),
            tr("Use this camera"),
            searching=tr("Looking for cameras…"),
            empty=tr("No cameras found"),
        )
        self.level = LevelMeter(round(METER_OF_TEXT * SIZES.text_px))
        self.microphones = DeviceList(
            tr("Microphones"),
            tr("Use this microphone"),
            searching=tr("Looking for microphones…"),
            empty=tr("No microphones found"),
        )
        top = QWidget()
        row = QHBoxLayout(top)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SIZES.gap_px * 2)
        row.addWidget(self.cameras, 1, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.video, 0, Qt.AlignmentFlag.AlignTop)
        self.content.addWidget(top)
        self.microphones.add_below_list(self.level)
        self.content.addWidget(self.microphones)
        self.add_close_button()

    def lists(self) -> dict[DeviceKind, DeviceList]:
        """The list of each kind."""
        return {"camera": self.cameras, "microphone": self.microphones}

    def show_picture(self, frame: Frame | None, *, waiting: bool, mirrored: bool) -> None:
        """Show the picture of the marked camera.

        Args:
            frame: the newest one; None while there is none.
            waiting: one is on its way.
            mirrored: as in a mirror.
        """
        message = Message(tr("One moment…"), busy=True) if waiting else Message(tr("No picture"))
        self.video.show_state(VideoState(frame=frame, message=message, mirrored=mirrored))
