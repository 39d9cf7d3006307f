"""The colours of the timeline's curves, and the values at one time."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, SIZES, emotion_colors, font, scaled

SWATCH_PX = 9.0


class TimelineLegend(QWidget):
    """A swatch and a name for each label; at the right what the timeline says (paused, values)."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(round(SIZES.caption_px * 1.6))
        self.setAccessibleName(tr("Legend of the timeline"))
        self._labels: tuple[str, ...] = ()
        self._note = ""

    @property
    def note(self) -> str:
        """The text at the right."""
        return self._note

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(300, self.height())

    def set_labels(self, labels: Sequence[str]) -> None:
        """Name these labels."""
        self._labels = tuple(labels)
        self.update()

    def show_note(self, text: str) -> None:
        """Show a text at the right, in place of names where there is no room for both."""
        if text != self._note:
            self._note = text
            self.setAccessibleDescription(text)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        caption = font(SIZES.caption_px)
        metrics = QFontMetricsF(caption)
        painter.setFont(caption)
        note = metrics.elidedText(self._note, Qt.TextElideMode.ElideLeft, self.width() - 8)
        room = self.width() - metrics.horizontalAdvance(note) - 20
        middle = self.height() / 2
        swatch = scaled(SWATCH_PX)
        x = scaled(4.0)
        for label, color in zip(self._labels, emotion_colors(self._labels), strict=True):
            name = strings.label_title(label).capitalize()
            width = swatch + scaled(5) + metrics.horizontalAdvance(name)
            if x + width > room:
                break
            painter.fillRect(QRectF(x, middle - swatch / 2, swatch, swatch), color)
            painter.setPen(QColor(COLORS.dim))
            area = QRectF(x + swatch + scaled(5), 0, width, self.height())
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, name)
            x += width + scaled(14)
        painter.setPen(QColor(COLORS.text))
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(QRectF(self.rect()).adjusted(0, 0, -6, 0), right, note)
