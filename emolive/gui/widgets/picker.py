"""A button that opens a list of devices, read again each time."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPointF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QMenu, QSizePolicy, QStyle, QStyleOptionToolButton, QToolButton

from emolive.gui.theme import COLORS, SIZES, scaled

REFRESH_MS = 2000
"""While the list is open the devices are read again."""


class Picker(QToolButton):
    """Fixed entries, then devices, then entries that open a dialog."""

    chosen = Signal(str)
    """The value of a fixed entry or device."""
    dialog_requested = Signal(str)
    """The value of an entry that opens a dialog."""
    opened = Signal()
    """The list is shown: read the devices and call `set_devices`."""

    def __init__(
        self,
        name: str,
        fixed: Mapping[str, str],
        dialogs: Mapping[str, str],
        *,
        searching: str,
        empty_text: str,
    ) -> None:
        """Without devices yet.

        Args:
            name: for screen readers.
            fixed: value → title of the entries before the devices.
            dialogs: value → title of the entries behind them.
            searching: shown in place of the devices until they are read.
            empty_text: shown where there is no device.
        """
        super().__init__()
        self.setAccessibleName(name)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._fixed, self._dialogs = dict(fixed), dict(dialogs)
        self._searching, self._empty_text = searching, empty_text
        self._devices: dict[str, str] | None = None
        self._error = ""
        self._value = ""
        self._title = ""
        menu = QMenu(self)
        self._refresh = QTimer(self)
        self._refresh.setInterval(REFRESH_MS)
        self._refresh.timeout.connect(self._look_again)
        menu.aboutToShow.connect(self._open)
        menu.aboutToHide.connect(self._refresh.stop)
        self.setMenu(menu)
        self._fill()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(170, SIZES.control_height_px)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(104, SIZES.control_height_px)

    @property
    def value(self) -> str:
        """The value in use."""
        return self._value

    @property
    def title(self) -> str:
        """The title of the value in use."""
        return self._title

    def set_value(self, value: str, title: str) -> None:
        """Show the value in use; `title` is for values that are not in the list."""
        title = {**self._fixed, **(self._devices or {})}.get(value, title)
        if (value, title) != (self._value, self._title):
            self._value, self._title = value, title
            self.setToolTip(title)
            self.setAccessibleDescription(title)
            self._fill()
            self.update()

    def set_devices(self, listed: Mapping[str, str]) -> None:
        """List these devices: value → title."""
        changed = listed != self._devices or bool(self._error)
        self._devices, self._error = dict(listed), ""
        self.set_value(self._value, self._title)
        if changed:
            self._fill()

    def set_error(self, sentence: str) -> None:
        """Show why there is no list of devices."""
        self._devices, self._error = {}, sentence
        self._fill()

    def _open(self) -> None:
        self.opened.emit()
        self._fill()
        self._refresh.start()

    def _look_again(self) -> None:
        """A device may be connected while the list is open."""
        if self.menu().isVisible():
            self.opened.emit()
        else:
            self._refresh.stop()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Enter and Down open the list, as Space does."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down):
            self.showMenu()
        else:
            super().keyPressEvent(event)

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        self._add_values(self._fixed)
        menu.addSeparator()
        if self._devices:
            self._add_values(self._devices)
        else:
            text = self._searching if self._devices is None else self._error or self._empty_text
            menu.addAction(text).setEnabled(False)
        if self._dialogs:
            menu.addSeparator()
        for value, title in self._dialogs.items():
            action = menu.addAction(title)
            action.triggered.connect(lambda _=False, value=value: self.dialog_requested.emit(value))

    def _add_values(self, titles: Mapping[str, str]) -> None:
        for value, title in titles.items():
            action = self.menu().addAction(title.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(value == self._value)
            action.triggered.connect(lambda _=False, value=value: self._choose(value))

    def _choose(self, value: str) -> None:
        if value != self._value:
            self.chosen.emit(value)
        else:
            self._fill()  # the click has removed the check mark

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        option.text = ""
        painter = QPainter(self)
        self.style().drawComplexControl(QStyle.ComplexControl.CC_ToolButton, option, painter, self)
        inner = self.rect().adjusted(round(scaled(11)), 0, -round(scaled(26)), 0)
        text = self.fontMetrics().elidedText(self._title, Qt.TextElideMode.ElideMiddle, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        draw_arrow(painter, self.width() - scaled(14.0), self.height() / 2)


def draw_arrow(painter: QPainter, x: float, y: float) -> None:
    """Draw the arrow of a control that opens a list, with its middle at (x, y)."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(COLORS.dim), scaled(1.6)))
    dx, dy = scaled(4), scaled(2)
    painter.drawPolyline(QPolygonF([QPointF(x - dx, y - dy), QPointF(x, y + dy), QPointF(x + dx, y - dy)]))
