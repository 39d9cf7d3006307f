"""What the timeline paints: curves, axes, marks and a cursor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt

from emolive.clock import NS_PER_S, to_ns
from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, SIZES, emotion_colors, font, readable, scaled
from emolive.gui.view_state import Mark
from emolive.gui.widgets.plot import create_plot

TICKS = 6
MARK_SHARE = 0.09
"""Part of the span, at its newest end, in which a mark's text stands on the left of its line."""


class TimelinePlot:
    """Owns the plot's `widget`. Times are seconds from the right end, so 0 or less."""

    def __init__(self) -> None:
        self.widget = self._plot = create_plot()
        self.emphasized: int | None = None
        """The row of the label whose curve is emphasized."""
        self._labels: tuple[str, ...] = ()
        self._curves: list[pg.PlotCurveItem] = []
        self._lines: list[pg.InfiniteLine] = []
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.hide()
        self._plot.addItem(self._cursor, ignoreBounds=True)
        self._plot.showGrid(y=True, alpha=0.25)

    def set_labels(self, labels: tuple[str, ...]) -> None:
        """Start again with one curve for each label."""
        for curve in self._curves:
            self._plot.removeItem(curve)
        self._labels = labels
        self._curves = [pg.PlotCurveItem(antialias=True) for _ in labels]
        for curve in self._curves:
            self._plot.addItem(curve)
        self.emphasize(None)

    def draw_curves(self, times_s: np.ndarray, table: np.ndarray) -> None:
        """Draw the curves.

        Args:
            times_s: (n,).
            table: (n, labels); values that are not finite are gaps.
        """
        for column, curve in enumerate(self._curves):
            curve.setData(times_s, table[:, column], connect="finite")

    def show_cursor(self, t_s: float | None) -> None:
        """Show a line at a time; None hides it."""
        self._cursor.setVisible(t_s is not None)
        if t_s is not None:
            self._cursor.setValue(t_s)

    def x_to_s(self, x_px: float) -> float:
        """The time at a horizontal position, from the right end on, in seconds."""
        view = self._plot.getViewBox()
        return float(view.mapSceneToView(QPointF(x_px, 0.0)).x())

    def set_span(self, span_s: float) -> None:
        """Set the axes for so many seconds, in the colours and sizes of now."""
        # Slightly wider than the data, or the outermost tick labels are cut off.
        x_range = (-span_s, span_s / 40)
        self._plot.setBackground(COLORS.surface)
        self._plot.setRange(xRange=x_range, yRange=(-0.1, 1.12), padding=0, disableAutoRange=True)
        step = next(s for s in (1, 2, 5, 10, 20, 60, 120, 180, 300) if s * TICKS >= span_s or s == 300)
        ticks = {
            "bottom": [(-s, _ago(s)) for s in range(0, int(span_s), step)],
            "left": [(0, "0 %"), (0.5, "50 %"), (1, "100 %")],
        }
        for side, values in ticks.items():
            axis = self._plot.getAxis(side)
            axis.setTicks([values])
            axis.setPen(COLORS.line)
            axis.setTextPen(COLORS.dim)
            axis.setStyle(
                tickFont=font(SIZES.caption_px), tickLength=-round(scaled(4)), hideOverlappingLabels=False
            )
        # Its own guess is for the font that it had before.
        self._plot.getAxis("bottom").setHeight(round(SIZES.caption_px * 1.4 + scaled(6)))
        self._cursor.setPen(pg.mkPen(COLORS.dim, width=1))

    def emphasize(self, row: int | None) -> None:
        """Emphasize the curve of a label; None for none of them."""
        self.emphasized = row
        for index, (curve, color) in enumerate(zip(self._curves, emotion_colors(self._labels), strict=True)):
            shade = readable(color, COLORS.surface, 1.8)
            shade.setAlphaF(1.0 if index == row or row is None else 0.6)
            # Qt draws a line of one pixel many times faster than a slightly wider one.
            curve.setPen(pg.mkPen(shade, width=scaled(2.5) if index == row else 1))
            curve.setZValue(1 if index == row else 0)

    def draw_marks(self, marks: Sequence[Mark], end_ns: int, span_s: float) -> None:
        """Draw those of the span that ends at `end_ns`."""
        visible = [mark for mark in marks if 0 <= end_ns - mark.t_ns <= to_ns(span_s)]
        while len(self._lines) < len(visible):
            line = pg.InfiniteLine(
                angle=90, label="", labelOpts={"position": 0.88, "anchors": [(0, 0.5), (0, 0.5)]}
            )
            line.label.setFont(font(SIZES.caption_px))
            self._plot.addItem(line, ignoreBounds=True)
            self._lines.append(line)
        for line, mark in zip(self._lines, visible, strict=False):
            line.setValue((mark.t_ns - end_ns) / NS_PER_S)
            line.setPen(pg.mkPen(COLORS.faint, width=1, style=Qt.PenStyle.DashLine))
            line.label.setColor(COLORS.dim)
            line.label.setFormat(mark.text)
            # On the left of its line where there is no room for it on the right.
            side = 1.0 if end_ns - mark.t_ns < to_ns(span_s * MARK_SHARE) else 0.0
            line.label.anchors = [(side, 0.5), (side, 0.5)]
            line.label.updatePosition()
            line.show()
        for line in self._lines[len(visible) :]:
            line.hide()


def _ago(seconds: int) -> str:
    if not seconds:
        return tr("now")
    if seconds >= 60 and seconds % 60 == 0:
        return tr("{minutes} min ago", minutes=seconds // 60)
    return tr("{seconds} s ago", seconds=seconds)
