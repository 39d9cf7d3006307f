"""The keyboard shortcuts, shown over the window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, SIZES, font, rgba

CARD_WIDTH_PX = 460
KEYS_WIDTH_PX = 110
ROW_PX = 30
HEADER_PX = 62
FOOTER_PX = 72


class HelpView(QWidget):
    """Covers its parent until it is clicked or toggled."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._parent = parent
        self.rows: tuple[tuple[str, str], ...] = ()
        """Keys and their actions."""
        self.setAccessibleName(tr("Keys"))
        self.hide()
        parent.installEventFilter(self)

    def toggle(self) -> None:
        """Show or hide it."""
        self.setGeometry(self._parent.rect())
        self.raise_()
        self.setVisible(not self.isVisible())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Follow the parent's size."""
        if event.type() == QEvent.Type.Resize and watched is self._parent:
            self.setGeometry(self._parent.rect())
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), rgba(COLORS.scrim))
        card = QRect(0, 0, CARD_WIDTH_PX, HEADER_PX + ROW_PX * len(self.rows) + FOOTER_PX)
        card.moveCenter(self.rect().center())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(COLORS.line), 1))
        painter.setBrush(QColor(COLORS.surface))
        painter.drawRoundedRect(card, SIZES.panel_radius_px, SIZES.panel_radius_px)
        inner = card.adjusted(32, 20, -32, -16)
        painter.setPen(QColor(COLORS.text))
        painter.setFont(font(SIZES.title_px, bold=True))
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, tr("Keys"))
        line = QRect(inner.left(), card.top() + HEADER_PX, inner.width(), ROW_PX)
        middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for keys, meaning in self.rows:
            painter.setPen(QColor(COLORS.accent))
            painter.setFont(font(SIZES.large_px, bold=True))
            painter.drawText(line, middle, keys)
            painter.setPen(QColor(COLORS.text))
            painter.setFont(font(SIZES.large_px))
            painter.drawText(line.adjusted(KEYS_WIDTH_PX, 0, 0, 0), middle, meaning)
            line.translate(0, ROW_PX)
        painter.setPen(QColor(COLORS.dim))
        painter.setFont(font(SIZES.text_px))
        footer = QRect(inner.left(), line.top() + 8, inner.width(), FOOTER_PX - 16)
        text = tr("Drop a media file or a checkpoint on the window to open it.")
        painter.drawText(footer, Qt.AlignmentFlag.AlignLeft, f"{text}\n{strings.disclaimer()}")
