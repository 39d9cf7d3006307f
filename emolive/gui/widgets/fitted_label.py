"""One line of text that is as large as its widget allows and never cut off."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from emolive.gui.theme import COLORS, font, readable

SMALLEST_PX = 9
LINE_OF_FONT = 1.28
"""Height of the line, as a multiple of the size of the font."""


def fitting_size(text: str, largest_px: int, width_px: float, *, bold: bool = True) -> int:
    """The largest size up to `largest_px` at which `text` is no wider than `width_px`."""
    wide = QFontMetricsF(font(largest_px, bold=bold)).horizontalAdvance(text)
    if wide <= width_px:
        return largest_px
    size = max(SMALLEST_PX, int(largest_px * width_px / wide))
    while size > SMALLEST_PX and QFontMetricsF(font(size, bold=bold)).horizontalAdvance(text) > width_px:
        size -= 1
    return size


class FittedLabel(QWidget):
    """Shrinks its text to fit the width.

    Args:
        largest_px: size of the text where there is room, by default the height of the widget.
        centered: in the middle instead of at the left.
    """

    def __init__(self, largest_px: int | None = None, *, centered: bool = False) -> None:
        super().__init__()
        self._largest_px = largest_px
        self._centered = centered
        self._text = ""
        self._color: QColor | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        if largest_px is not None:
            self.setFixedHeight(round(largest_px * LINE_OF_FONT))

    def text(self) -> str:
        """The text shown."""
        return self._text

    def show_text(self, text: str, color: QColor | None = None) -> None:
        """Show a text.

        Args:
            text: one line.
            color: made readable on the panel; that of normal text by default.
        """
        if (text, color) != (self._text, self._color):
            self._text, self._color = text, color
            self.setAccessibleName(text)
            self.update()

    @property
    def text_px(self) -> int:
        """The size of the text at the present width."""
        largest_px = self._largest_px or max(SMALLEST_PX, int(self.height() / LINE_OF_FONT))
        return fitting_size(self._text, largest_px, self.width() - 2)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(120, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        color = QColor(COLORS.text) if self._color is None else readable(self._color, COLORS.surface, 3.0)
        painter.setPen(color)
        painter.setFont(font(self.text_px, bold=True))
        side = Qt.AlignmentFlag.AlignHCenter if self._centered else Qt.AlignmentFlag.AlignLeft
        painter.drawText(self.rect(), side | Qt.AlignmentFlag.AlignVCenter, self._text)
