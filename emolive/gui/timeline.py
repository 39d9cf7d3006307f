"""The last minute of all probabilities. pyqtgraph."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from emolive.clock import NS_PER_S
from emolive.gui import theme
from emolive.gui.overlay import font

SPAN_S = 60.0
GAP_S = 1.2
"""Longer without an estimate is shown as a gap."""


class Timeline(QWidget):
    """One curve a label over the last 60 s, in the bars' colours."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(96)
        self.setAccessibleName("Timeline")
        self.labels: tuple[str, ...] = ()
        self._points: deque[tuple[int, tuple[float, ...]]] = deque()
        self._curves: list[pg.PlotCurveItem] = []
        self._colors: tuple[QColor, ...] = ()
        self._stressed: int | None = None
        self._plot = pg.PlotWidget(add_noise=theme.SURFACE)
        self._plot.setFrameShape(self._plot.Shape.NoFrame)
        self._plot.setMenuEnabled(False)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        self._plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # A little beyond what is drawn, or the outermost ticks lose their words.
        self._plot.setRange(xRange=(-SPAN_S, 1.5), yRange=(-0.04, 1.12), padding=0, disableAutoRange=True)
        ticks = {
            "bottom": [(-s, f"{s} s ago" if s else "now") for s in (50, 40, 30, 20, 10, 0)],
            "left": [(0, "0"), (0.5, "50 %"), (1, "100 %")],
        }
        for side, values in ticks.items():
            axis = self._plot.getAxis(side)
            axis.setTicks([values])
            axis.setPen(theme.LINE)
            axis.setTextPen(theme.DIM)
            axis.setStyle(tickFont=font(11), tickLength=-4, hideOverlappingLabels=False)
        self._plot.showGrid(y=True, alpha=0.25)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)

    def set_labels(self, labels: Sequence[str]) -> None:
        """Start afresh with one curve for each label; nothing happens if they are the same."""
        if tuple(labels) == self.labels:
            return
        for curve in self._curves:
            self._plot.removeItem(curve)
        self.labels = tuple(labels)
        self._colors = theme.emotion_colors(self.labels)
        self._points.clear()
        self._stressed = None
        self._curves = [
            pg.PlotCurveItem(pen=pg.mkPen(color, width=1.2), antialias=True) for color in self._colors
        ]
        for curve in self._curves:
            self._plot.addItem(curve)

    def add(self, t_ns: int, probs: Sequence[float]) -> None:
        """Append an estimate; one from before the last one (another source) starts a new timeline."""
        if self._points and t_ns < self._points[-1][0]:
            self._points.clear()
        self._points.append((t_ns, tuple(probs)))

    @property
    def empty(self) -> bool:
        return not self._points

    def draw(self, now_ns: int, label: str | None = None) -> None:
        """Paint the minute that ends at `now_ns`, with `label`'s curve stressed."""
        while self._points and now_ns - self._points[0][0] > (SPAN_S + 2) * NS_PER_S:
            self._points.popleft()
        self._stress(self.labels.index(label) if label in self.labels else None)
        times, table = self.series(now_ns)
        for column, curve in enumerate(self._curves):
            curve.setData(times, table[:, column], connect="finite")

    def series(self, now_ns: int) -> tuple[np.ndarray, np.ndarray]:
        """Seconds before now, (n,), and the probabilities, (n, labels); NaN rows stand in gaps."""
        times: list[float] = []
        rows: list[tuple[float, ...]] = []
        hole = (float("nan"),) * len(self.labels)
        for t_ns, probs in self._points:
            t_s = (t_ns - now_ns) / NS_PER_S
            if times and t_s - times[-1] > GAP_S:
                times.append(t_s)
                rows.append(hole)
            times.append(t_s)
            rows.append(probs)
        return np.array(times), np.array(rows).reshape(len(times), len(self.labels))

    def _stress(self, row: int | None) -> None:
        if row == self._stressed:
            return
        self._stressed = row
        for index, (curve, color) in enumerate(zip(self._curves, self._colors, strict=True)):
            shade = QColor(color)
            shade.setAlphaF(1.0 if index == row or row is None else 0.6)
            curve.setPen(pg.mkPen(shade, width=2.5 if index == row else 1.2))
            curve.setZValue(1 if index == row else 0)
