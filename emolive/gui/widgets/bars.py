"""The probability of each label as a horizontal bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, SIZES, emotion_colors, font, scaled

GAP_OF_ROW = 0.05
"""Between a text and its bar, as a part of their row."""
TEXT_OF_ROW = 0.42
"""Height of the text, as a part of its row."""
BAR_OF_ROW = 0.30
"""Thickness of a bar, as a part of its row."""
MAX_ROW_PX = 62.0
"""At the designed scale, so that few labels do not fill the whole panel."""
INLINE_BELOW_TEXTS = 2.2
"""In rows lower than this, in multiples of the text's size, name, bar and percent stand side by side."""
SMALLEST_TEXT_PX = 9
PEAK_HOLD_S = 2.0
PEAK_FALL_PER_S = 0.35
"""After the hold the peak falls by this much in a second."""
DESCRIBE_S = 1.0
"""The description for screen readers changes at most this often."""


class PeakHold:
    """The highest value of the last seconds: it stays for `PEAK_HOLD_S`, then falls to the value."""

    def __init__(self) -> None:
        self.value = 0.0
        self._reached_s = float("-inf")
        self._updated_s = 0.0

    def update(self, value: float, now_s: float) -> float:
        """Add a value; returns the peak."""
        if now_s - self._reached_s > PEAK_HOLD_S:
            self.value -= PEAK_FALL_PER_S * (now_s - max(self._updated_s, self._reached_s + PEAK_HOLD_S))
        self._updated_s = now_s
        if value >= self.value:
            self.value, self._reached_s = value, now_s
        return self.value


class Bars(QWidget):
    """One row a label, in the model's order: name and percent above the bar, and a mark at its recent peak.

    Args:
        large: fill the widget with rows, for a reader who is far away.
        clock: seconds, for the peaks.
    """

    def __init__(self, *, large: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._large = large
        self._clock = clock
        self.setMinimumSize(120, 60)
        self.setAccessibleName(tr("Probabilities"))
        self.labels: tuple[str, ...] = ()
        self.values: tuple[float, ...] = ()
        """Lengths of the bars, 0..1."""
        self.percents: tuple[str, ...] = ()
        """The numbers as they are written."""
        self._peaks: list[PeakHold] = []
        self._emphasized: tuple[str, ...] = ()
        self._presence = 1.0
        self._described_s = float("-inf")

    @property
    def peaks(self) -> tuple[float, ...]:
        """The highest recent value of each label."""
        return tuple(peak.value for peak in self._peaks)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(240, 260)

    def set_labels(self, labels: Sequence[str]) -> None:
        """Lay out one row for each label. Nothing happens if they are the same as before."""
        if tuple(labels) == self.labels:
            return
        self.labels = tuple(labels)
        self._peaks = [PeakHold() for _ in self.labels]
        self.show_values([0.0] * len(self.labels))

    def show_values(
        self, values: Sequence[float], emphasized: Collection[str] = (), *, presence: float = 1.0
    ) -> None:
        """Show the probabilities.

        Args:
            values: 0..1, one for each label.
            emphasized: the labels of the rows to emphasize.
            presence: below 1 it fades bars and hides numbers.
        """
        now_s = self._clock()
        current = presence == 1.0
        self.values = tuple(value * presence for value in values)
        self.percents = tuple(f"{round(100 * value)} %" if current else "–" for value in self.values)
        for peak, value in zip(self._peaks, self.values, strict=True):
            peak.update(value, now_s)
        self._emphasized, self._presence = tuple(emphasized) if current else (), presence
        if now_s - self._described_s >= DESCRIBE_S:
            self._described_s = now_s
            self.setAccessibleDescription(self._description())
        self.update()

    def row_at(self, y_px: float) -> int | None:
        """The row at this height of the widget."""
        row_px, top_px = self._rows()
        row = int((y_px - top_px) // row_px) if self.labels and y_px >= top_px else -1
        return row if 0 <= row < len(self.labels) else None

    def event(self, event: QEvent) -> bool:
        """Explain a label under the mouse."""
        if isinstance(event, QHelpEvent):
            row = self.row_at(event.pos().y())
            text = strings.label_explanation(self.labels[row]) if row is not None else ""
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        if not self.labels:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        row_px, top_px = self._rows()
        inline = not self._large and row_px < INLINE_BELOW_TEXTS * SIZES.text_px
        text_px = max(SMALLEST_TEXT_PX, round(row_px * (0.62 if inline else TEXT_OF_ROW)))
        text_px = text_px if self._large else min(text_px, SIZES.large_px)
        name_px = self._widest_name(text_px) if inline else 0.0
        colors = emotion_colors(self.labels)
        for row, label in enumerate(self.labels):
            area = QRectF(0, top_px + row * row_px, self.width(), row_px)
            if inline:
                percent_px = text_px * 3.2
                groove = area.adjusted(name_px + text_px * 0.6, row_px * 0.28, -percent_px, -row_px * 0.28)
                text = area
            else:
                bottom = area.bottom() - row_px * 0.10
                groove = QRectF(0, bottom - row_px * BAR_OF_ROW, self.width(), row_px * BAR_OF_ROW)
                # The tails of g and p keep clear of the bar.
                text = QRectF(0, area.top(), self.width(), groove.top() - area.top() - row_px * GAP_OF_ROW)
            self._paint_text(painter, text, row, text_px, centered=inline)
            self._paint_bar(painter, groove, row, colors[row], emphasized=label in self._emphasized)

    def _widest_name(self, text_px: int) -> float:
        metrics = QFontMetricsF(font(text_px, bold=True))
        names = (strings.label_title(label).capitalize() for label in self.labels)
        return min(max(metrics.horizontalAdvance(name) for name in names), self.width() * 0.45)

    def _paint_text(self, painter: QPainter, area: QRectF, row: int, text_px: int, *, centered: bool) -> None:
        emphasized = self.labels[row] in self._emphasized
        row_font = font(text_px, bold=emphasized)
        painter.setFont(row_font)
        painter.setPen(QColor(COLORS.text if emphasized else COLORS.dim))
        flags = Qt.AlignmentFlag.AlignVCenter if centered else Qt.AlignmentFlag.AlignBottom
        percent = self.percents[row]
        room = area.width() - QFontMetricsF(row_font).horizontalAdvance(percent) - text_px
        room = min(room, self.width() * 0.45 + 1) if centered else room
        name = strings.label_title(self.labels[row]).capitalize()
        name = QFontMetricsF(row_font).elidedText(name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(area, flags | Qt.AlignmentFlag.AlignLeft, name)
        painter.drawText(area, flags | Qt.AlignmentFlag.AlignRight, percent)

    def _paint_bar(
        self, painter: QPainter, groove: QRectF, row: int, color: QColor, *, emphasized: bool
    ) -> None:
        radius = min(scaled(4.0), groove.height() / 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(COLORS.groove))
        painter.drawRoundedRect(groove, radius, radius)
        strong = emphasized or not self._emphasized
        shade = QColor(color)
        shade.setAlphaF(self._presence * (1.0 if strong else 0.75))
        painter.setBrush(shade)
        bar = QRectF(groove)
        bar.setWidth(groove.width() * self.values[row])
        if bar.width() > 0.5:
            painter.drawRoundedRect(bar, radius, radius)
        peak = self._peaks[row].value
        if peak - self.values[row] > 0.01 and self._presence == 1.0:
            x = groove.left() + groove.width() * peak - 1
            painter.setPen(QPen(QColor(color), max(2.0, groove.height() * 0.14)))
            painter.drawLine(QPointF(x, groove.top()), QPointF(x, groove.bottom()))

    def _rows(self) -> tuple[float, float]:
        """Height of a row, and the top of the first one."""
        rows = max(1, len(self.labels))
        limit = float("inf") if self._large else scaled(MAX_ROW_PX)
        return min(limit, self.height() / rows), 0.0

    def _description(self) -> str:
        if self._presence != 1.0:
            return tr("No estimate")
        return ", ".join(
            f"{strings.label_title(label)} {percent}"
            for label, percent in zip(self.labels, self.percents, strict=True)
        )
