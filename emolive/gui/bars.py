"""Live bars: one a label, steady order, fixed colours. pyqtgraph."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from emolive.gui import theme
from emolive.gui.overlay import font

BAR = 0.30
"""Thickness of a bar in rows."""
FOOT = 0.1
"""Room below the last bar in rows."""
ROOMY_PX = 38.0
"""From this height of a row on the words are written larger."""
TALLEST_PX = 58.0


class Bars(QWidget):
    """The smoothed probabilities, each with its name and percent above a horizontal bar."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumSize(200, 200)
        self.setAccessibleName("Probabilities")
        self.labels: tuple[str, ...] = ()
        self.values: tuple[float, ...] = ()
        self._plot = pg.PlotWidget(add_noise=theme.SURFACE)
        self._plot.setFrameShape(self._plot.Shape.NoFrame)
        self._plot.setMenuEnabled(False)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        self._plot.hideAxis("left")
        self._plot.hideAxis("bottom")
        self._plot.getViewBox().setDefaultPadding(0)
        # The mouse has nothing to do here; the keys belong to the window.
        self._plot.setAttribute(pg.QtCore.Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._plot.setFocusPolicy(pg.QtCore.Qt.FocusPolicy.NoFocus)
        self._tracks = pg.BarGraphItem(x0=[], x1=[], y=[], height=BAR)
        self._fills = pg.BarGraphItem(x0=[], x1=[], y=[], height=BAR)
        self._plot.addItem(self._tracks)
        self._plot.addItem(self._fills)
        self._names: list[pg.TextItem] = []
        self._percents: list[pg.TextItem] = []
        self._colors: tuple[QColor, ...] = ()
        self._text_px = 14
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)

    def set_labels(self, labels: Sequence[str]) -> None:
        """Lay out one row for each label; nothing happens if they are the same."""
        if tuple(labels) == self.labels:
            return
        for item in (*self._names, *self._percents):
            self._plot.removeItem(item)
        self.labels = tuple(labels)
        self._colors = theme.emotion_colors(self.labels)
        rows = range(len(self.labels))
        self._names, self._percents = [], []
        for row, name in zip(rows, self.labels, strict=True):
            for items, x, anchor, text in (
                (self._names, 0.0, (0, 1), name.capitalize()),
                (self._percents, 1.0, (1, 1), ""),
            ):
                item = pg.TextItem(text, color=theme.DIM, anchor=anchor)
                item.textItem.document().setDocumentMargin(1)
                item.setPos(x, self._y(row) + BAR / 2)
                self._plot.addItem(item, ignoreBounds=True)
                items.append(item)
        ys = [self._y(row) for row in rows]
        self._tracks.setOpts(x0=[0.0] * len(ys), x1=[1.0] * len(ys), y=ys, brush=theme.RAISED, pen=None)
        self._fit()
        self.show_values([0.0] * len(ys), None)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Give the first row room for its words, and choose their size."""
        rows = max(1.0, len(self.labels) - 1 + BAR + FOOT)
        self._text_px = 14 if (self.height() - 22) / rows >= ROOMY_PX else 12
        words_px = self._text_px * 1.25 + 4
        row_px = min(TALLEST_PX, max(8.0, (self.height() - words_px) / rows))
        top = len(self.labels) - 1 + BAR / 2 + words_px / row_px
        self._plot.setRange(
            xRange=(0, 1), yRange=(top - self.height() / row_px, top), padding=0, disableAutoRange=True
        )

    def color(self, label: str) -> QColor:
        """The colour of a label that is shown."""
        return self._colors[self.labels.index(label)]

    def show_values(self, values: Sequence[float], label: str | None, *, presence: float = 1.0) -> None:
        """Show 0..1 for each label and stress `label`; `presence` below 1 fades everything."""
        self.values = tuple(value * presence for value in values)
        ys = [self._y(row) for row in range(len(self.labels))]
        brushes = []
        for row, name in enumerate(self.labels):
            chosen = name == label and presence == 1.0
            color = QColor(self._colors[row])
            color.setAlphaF(presence * (1.0 if chosen or label is None else 0.72))
            brushes.append(color)
            ink = theme.TEXT if chosen else theme.DIM
            for item in (self._names[row], self._percents[row]):
                item.setColor(ink)
                item.setFont(font(self._text_px, bold=chosen))
            self._percents[row].setText(f"{round(100 * self.values[row])} %" if presence == 1.0 else "–")
        self._fills.setOpts(x0=[0.0] * len(ys), x1=list(self.values), y=ys, brushes=brushes, pen=None)

    def _y(self, row: int) -> float:
        return len(self.labels) - 1.0 - row
