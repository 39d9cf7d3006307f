"""The probabilities of the last minute as curves."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from emolive.clock import NS_PER_S
from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, SIZES, emotion_colors, font
from emolive.gui.view_state import EstimateView, ResultState
from emolive.gui.widgets.plot import create_plot

SPAN_S = 60.0
GAP_S = 1.2
"""Estimates further apart than this are not connected."""
FADE_STEP_S = 0.1
SCROLL_S = 0.5
"""How often the curves move on while there is no estimate."""


class Timeline(QWidget):
    """One curve for each label, in the colours of the bars."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(96)
        self.setAccessibleName(tr("Timeline"))
        self.labels: tuple[str, ...] = ()
        self._points: deque[tuple[int, tuple[float, ...]]] = deque()
        self._curves: list[pg.PlotCurveItem] = []
        self._colors: tuple[QColor, ...] = ()
        self._emphasized: int | None = None
        self._estimate: EstimateView | None = None
        self._dirty = False
        self._painted_s = 0.0
        self._plot = create_plot()
        # Slightly wider than the data, or the outermost tick labels are cut off.
        self._plot.setRange(xRange=(-SPAN_S, 1.5), yRange=(-0.1, 1.12), padding=0, disableAutoRange=True)
        ticks = {
            "bottom": [
                (-s, tr("{seconds} s ago", seconds=s) if s else tr("now")) for s in range(50, -1, -10)
            ],
            "left": [(0, "0 %"), (0.5, "50 %"), (1, "100 %")],
        }
        for side, values in ticks.items():
            axis = self._plot.getAxis(side)
            axis.setTicks([values])
            axis.setPen(COLORS.line)
            axis.setTextPen(COLORS.dim)
            axis.setStyle(tickFont=font(SIZES.caption_px), tickLength=-4, hideOverlappingLabels=False)
        self._plot.showGrid(y=True, alpha=0.25)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)

    @property
    def empty(self) -> bool:
        """Whether there is no estimate in it."""
        return not self._points

    def show_result(self, result: ResultState) -> None:
        """Append the estimate if it is new, and paint if there is something to show."""
        now_s = time.monotonic()
        estimate = result.estimate
        if estimate is not None and estimate is not self._estimate:
            self._estimate = estimate
            self.set_labels(estimate.labels)
            self.add(estimate.t_ns, estimate.probs)
            self._dirty = True
        fading = 0 < result.presence < 1
        waited = now_s - self._painted_s >= (FADE_STEP_S if fading else SCROLL_S)
        if not self.empty and self.isVisible() and (self._dirty or waited):
            self._dirty, self._painted_s = False, now_s
            self.draw(result.now_ns, result.current.label if result.current is not None else None)

    def set_labels(self, labels: Sequence[str]) -> None:
        """Start again with one curve for each label. Nothing happens if they are the same as before."""
        if tuple(labels) == self.labels:
            return
        for curve in self._curves:
            self._plot.removeItem(curve)
        self.labels = tuple(labels)
        self._colors = emotion_colors(self.labels)
        self._points.clear()
        self._emphasized = None
        self._curves = [
            pg.PlotCurveItem(pen=pg.mkPen(color, width=1.2), antialias=True) for color in self._colors
        ]
        for curve in self._curves:
            self._plot.addItem(curve)

    def add(self, t_ns: int, probs: Sequence[float]) -> None:
        """Append an estimate. One that is older than the last is from another source, and starts again."""
        if self._points and t_ns < self._points[-1][0]:
            self._points.clear()
        self._points.append((t_ns, tuple(probs)))

    def draw(self, now_ns: int, label: str | None = None) -> None:
        """Paint the minute that ends at `now_ns`, with the curve of `label` emphasized."""
        while self._points and now_ns - self._points[0][0] > (SPAN_S + 2) * NS_PER_S:
            self._points.popleft()
        self._emphasize(self.labels.index(label) if label in self.labels else None)
        times, table = self.series(now_ns)
        for column, curve in enumerate(self._curves):
            curve.setData(times, table[:, column], connect="finite")

    def series(self, now_ns: int) -> tuple[np.ndarray, np.ndarray]:
        """The curves drawn.

        Returns:
            Times (n,) in seconds relative to `now_ns`, and probabilities (n, labels). A row of NaN is a gap.
        """
        times: list[float] = []
        rows: list[tuple[float, ...]] = []
        gap = (float("nan"),) * len(self.labels)
        for t_ns, probs in self._points:
            t_s = (t_ns - now_ns) / NS_PER_S
            if times and t_s - times[-1] > GAP_S:
                times.append(t_s)
                rows.append(gap)
            times.append(t_s)
            rows.append(probs)
        return np.array(times), np.array(rows).reshape(len(times), len(self.labels))

    def _emphasize(self, row: int | None) -> None:
        if row == self._emphasized:
            return
        self._emphasized = row
        for index, (curve, color) in enumerate(zip(self._curves, self._colors, strict=True)):
            shade = QColor(color)
            shade.setAlphaF(1.0 if index == row or row is None else 0.6)
            curve.setPen(pg.mkPen(shade, width=2.5 if index == row else 1.2))
            curve.setZValue(1 if index == row else 0)
