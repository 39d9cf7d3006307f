"""The probability of each label as a horizontal bar."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, emotion_colors, font
from emolive.gui.widgets.plot import create_plot

BAR_ROWS = 0.30
"""Thickness of a bar, in rows."""
FOOT_ROWS = 0.1
"""Room below the last bar, in rows."""
LARGE_TEXT_ROW_PX = 38.0
"""Rows of at least this height have the larger text."""
MAX_ROW_PX = 58.0


class Bars(QWidget):
    """One row a label, in the model's order: name and percent above the bar."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumSize(200, 200)
        self.setAccessibleName(tr("Probabilities"))
        self.labels: tuple[str, ...] = ()
        self.values: tuple[float, ...] = ()
        """Lengths of the bars, 0..1."""
        self._plot = create_plot()
        self._plot.hideAxis("left")
        self._plot.hideAxis("bottom")
        self._plot.getViewBox().setDefaultPadding(0)
        self._grooves = pg.BarGraphItem(x0=[], x1=[], y=[], height=BAR_ROWS)
        self._fills = pg.BarGraphItem(x0=[], x1=[], y=[], height=BAR_ROWS)
        self._plot.addItem(self._grooves)
        self._plot.addItem(self._fills)
        self._names: list[pg.TextItem] = []
        self._percents: list[pg.TextItem] = []
        self._colors: tuple[QColor, ...] = ()
        self._text_px = 14
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)

    @property
    def percents(self) -> tuple[str, ...]:
        """The numbers as they are written."""
        return tuple(item.textItem.toPlainText() for item in self._percents)

    def set_labels(self, labels: Sequence[str]) -> None:
        """Lay out one row for each label. Nothing happens if they are the same as before."""
        if tuple(labels) == self.labels:
            return
        for item in (*self._names, *self._percents):
            self._plot.removeItem(item)
        self.labels = tuple(labels)
        self._colors = emotion_colors(self.labels)
        ys = [self._y(row) for row in range(len(self.labels))]
        self._names = [
            self._add_text(strings.label_title(label).capitalize(), 0.0, y)
            for label, y in zip(self.labels, ys, strict=True)
        ]
        self._percents = [self._add_text("", 1.0, y) for y in ys]
        self._grooves.setOpts(x0=[0.0] * len(ys), x1=[1.0] * len(ys), y=ys, brush=COLORS.raised, pen=None)
        self._fit()
        self.show_values([0.0] * len(ys), None)

    def show_values(self, values: Sequence[float], label: str | None, *, presence: float = 1.0) -> None:
        """Show the probabilities.

        Args:
            values: 0..1, one for each label.
            label: the row to emphasize, None for none.
            presence: below 1 it fades bars and hides numbers.
        """
        self.values = tuple(value * presence for value in values)
        current = presence == 1.0
        brushes = []
        for row, name in enumerate(self.labels):
            emphasized = name == label and current
            color = QColor(self._colors[row])
            color.setAlphaF(presence * (1.0 if emphasized or label is None else 0.72))
            brushes.append(color)
            for item in (self._names[row], self._percents[row]):
                item.setColor(COLORS.text if emphasized else COLORS.dim)
                item.setFont(font(self._text_px, bold=emphasized))
            self._percents[row].setText(f"{round(100 * self.values[row])} %" if current else "–")
        ys = [self._y(row) for row in range(len(self.labels))]
        self._fills.setOpts(x0=[0.0] * len(ys), x1=list(self.values), y=ys, brushes=brushes, pen=None)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._fit()

    def _add_text(self, text: str, x: float, y: float) -> pg.TextItem:
        """A text above the bar at `y`, at the left (x 0) or right (x 1) end."""
        item = pg.TextItem(text, color=COLORS.dim, anchor=(x, 1))
        item.textItem.document().setDocumentMargin(1)
        item.setPos(x, y + BAR_ROWS / 2)
        self._plot.addItem(item, ignoreBounds=True)
        return item

    def _fit(self) -> None:
        """Choose the size of the text, and give the first row room for it."""
        rows = max(1.0, len(self.labels) - 1 + BAR_ROWS + FOOT_ROWS)
        self._text_px = 14 if (self.height() - 22) / rows >= LARGE_TEXT_ROW_PX else 12
        line_px = self._text_px * 1.25 + 4
        row_px = min(MAX_ROW_PX, max(8.0, (self.height() - line_px) / rows))
        top = len(self.labels) - 1 + BAR_ROWS / 2 + line_px / row_px
        self._plot.setRange(
            xRange=(0, 1), yRange=(top - self.height() / row_px, top), padding=0, disableAutoRange=True
        )

    def _y(self, row: int) -> float:
        return len(self.labels) - 1.0 - row
