"""The keys, shown over the window."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from emolive.gui import strings as words
from emolive.gui import theme
from emolive.gui.overlay import font

KEYS = (
    ("1  2  3", "switch the fusion"),
    ("C", "calibrate: five seconds of neutral"),
    ("O", "open a media file"),
    ("R", "play the file again"),
    ("L", "landmarks on or off"),
    ("M", "mirror the picture"),
    ("T", "timeline on or off"),
    ("F", "full screen"),
    ("?", "this help"),
    ("Ctrl+Q", "quit"),
)


class HelpView(QWidget):
    """Covers its parent until it is clicked or Escape is pressed."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._parent = parent
        self.hide()

    def place(self) -> QRect:
        """What it has to cover."""
        return self._parent.rect()

    def toggle(self) -> None:
        self.setGeometry(self.place())
        self.raise_()
        self.setVisible(not self.isVisible())

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(10, 12, 16, 190))
        row = 30
        card = QRect(0, 0, 460, 130 + row * len(KEYS))
        card.moveCenter(self.rect().center())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.LINE), 1))
        painter.setBrush(QColor(theme.SURFACE))
        painter.drawRoundedRect(card, 12, 12)
        inner = card.adjusted(32, 20, -32, -16)
        painter.setPen(QColor(theme.TEXT))
        painter.setFont(font(18, bold=True))
        painter.drawText(
            QRect(inner.left(), inner.top(), inner.width(), 30), Qt.AlignmentFlag.AlignLeft, "Keys"
        )
        top = inner.top() + 42
        for keys, meaning in KEYS:
            line = QRect(inner.left(), top, inner.width(), row)
            painter.setPen(QColor(theme.ACCENT))
            painter.setFont(font(14, bold=True))
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, keys)
            painter.setPen(QColor(theme.TEXT))
            painter.setFont(font(14))
            line.adjust(100, 0, 0, 0)
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, meaning)
            top += row
        painter.setPen(QColor(theme.DIM))
        painter.setFont(font(13))
        last = QRect(inner.left(), top + 8, inner.width(), 40)
        text = f"Drop a media file or a checkpoint on the window to open it.\n{words.NOTE}"
        painter.drawText(last, Qt.AlignmentFlag.AlignLeft, text)
