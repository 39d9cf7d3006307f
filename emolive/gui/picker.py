"""A button that opens a list of devices, looked up anew each time."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QMenu, QSizePolicy, QStyle, QStyleOptionToolButton, QToolButton

from emolive.gui import theme
from emolive.gui.session_controller import Device

ClipEntry = tuple[str, str]
"""A value and its title."""


class Picker(QToolButton):
    """Fixed entries, then devices, then entries that only ask for more ("Open a file…")."""

    chosen = Signal(str)
    asked = Signal(str)
    """One of the entries behind the devices."""
    opened = Signal()
    """The list is shown: look the devices up."""

    def __init__(
        self, name: str, devices: str, first: Sequence[ClipEntry], last: Sequence[ClipEntry]
    ) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._devices_title = devices
        self._first, self._last = tuple(first), tuple(last)
        self._devices: tuple[ClipEntry, ...] | None = None
        self._problem = ""
        self.value = ""
        self._title = ""
        menu = QMenu(self)
        menu.aboutToShow.connect(self._open)
        self.setMenu(menu)
        self._fill()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(170, 30)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(104, 30)

    def set_value(self, value: str, title: str) -> None:
        """Show what is in use."""
        known = dict((*self._first, *(self._devices or ())))
        title = known.get(value, title)
        if (value, title) != (self.value, self._title):
            self.value, self._title = value, title
            self.setToolTip(title)
            self.setAccessibleDescription(title)
            self._fill()
            self.update()

    def set_devices(self, devices: Sequence[Device]) -> None:
        """The devices that were found. Chosen by name where that is enough, else by index."""
        names = [device.name for device in devices]
        self._devices = tuple(
            (device.name if names.count(device.name) == 1 else str(device.index), device.name)
            for device in devices
        )
        self._problem = ""
        self.set_value(self.value, self._title)
        self._fill()

    def set_problem(self, sentence: str) -> None:
        """The devices could not be listed."""
        self._devices, self._problem = (), sentence
        self._fill()

    @property
    def title(self) -> str:
        return self._title

    def _open(self) -> None:
        self.opened.emit()
        self._fill()

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        self._entries(self._first)
        menu.addSeparator()
        if self._devices is None:
            menu.addAction(f"Looking for {self._devices_title}…").setEnabled(False)
        elif not self._devices:
            menu.addAction(self._problem or f"No {self._devices_title} found").setEnabled(False)
        else:
            self._entries(self._devices)
        if self._last:
            menu.addSeparator()
            for key, title in self._last:
                menu.addAction(title).triggered.connect(lambda _=False, key=key: self.asked.emit(key))

    def _entries(self, items: Sequence[ClipEntry]) -> None:
        for value, title in items:
            action = self.menu().addAction(title.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(value == self.value)
            action.triggered.connect(lambda _=False, value=value: self._choose(value))

    def _choose(self, value: str) -> None:
        if value != self.value:
            self.chosen.emit(value)
        else:
            self._fill()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        option.text = ""
        painter = QPainter(self)
        self.style().drawComplexControl(QStyle.ComplexControl.CC_ToolButton, option, painter, self)
        inner = self.rect().adjusted(11, 0, -26, 0)
        text = self.fontMetrics().elidedText(self._title, Qt.TextElideMode.ElideMiddle, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        draw_arrow(painter, self.width() - 14.0, self.height() / 2)


def draw_arrow(painter: QPainter, x: float, y: float) -> None:
    """The small arrow that says "this opens a list"."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(theme.DIM), 1.6))
    painter.drawPolyline(QPolygonF([QPointF(x - 4, y - 2), QPointF(x, y + 2), QPointF(x + 4, y - 2)]))
