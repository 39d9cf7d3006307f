"""The probabilities over time as curves, with marks; it can be paused, scrubbed and zoomed."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from emolive.clock import NS_PER_S, to_ns
from emolive.gui import strings
from emolive.gui.estimate_history import EstimateHistory
from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS
from emolive.gui.view_state import EstimateView, Mark, ResultState
from emolive.gui.widgets.timeline_legend import TimelineLegend
from emolive.gui.widgets.timeline_plot import TimelinePlot

SPAN_S = 60.0
SHORTEST_SPAN_S, LONGEST_SPAN_S = 10.0, 900.0
ZOOM_STEP = 1.5
SCRUB_STEP = 0.1
"""An arrow key moves by this part of the span."""
FADE_STEP_S = 0.1
SCROLL_S = 0.5
"""How often the curves move on while there is no estimate."""
KEYS = (
    Qt.Key.Key_Space,
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Plus,
    Qt.Key.Key_Minus,
    Qt.Key.Key_Equal,
    Qt.Key.Key_End,
)
"""Keys that the timeline uses itself while it has the focus."""


class Timeline(QWidget):
    """One curve for each label, in the colours of the bars. The newest `KEPT_S` can be looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(96)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Timeline"))
        self.setToolTip(tr("Drag to look back, wheel to zoom, Space to pause, End for now."))
        self.labels: tuple[str, ...] = ()
        self.legend = TimelineLegend()
        self._history = EstimateHistory()
        self._marks: tuple[Mark, ...] = ()
        self._estimate: EstimateView | None = None
        self._dirty = False
        self._painted_s = 0.0
        self._span_s = SPAN_S
        self._now_ns = 0
        self._paused_ns: int | None = None
        """The right end while it is paused."""
        self._drag_from: tuple[float, int] | None = None
        self._plot = TimelinePlot()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(0)
        layout.addWidget(self.legend)
        layout.addWidget(self._plot.widget)
        self._plot.set_span(self._span_s)

    # --- data

    @property
    def empty(self) -> bool:
        """Whether there is no estimate in it."""
        return len(self._history) == 0

    @property
    def span_s(self) -> float:
        """Seconds from the left to the right."""
        return self._span_s

    @property
    def paused(self) -> bool:
        """Whether it stands still while new estimates come in."""
        return self._paused_ns is not None

    @property
    def end_ns(self) -> int:
        """The time at the right end."""
        return self._now_ns if self._paused_ns is None else self._paused_ns

    def show_result(self, result: ResultState) -> None:
        """Append the estimate if it is new, and paint if there is something to show."""
        now_s = time.monotonic()
        estimate = result.estimate
        if estimate is not None and estimate is not self._estimate:
            before, self._estimate = self._estimate, estimate
            self.set_labels(estimate.labels)
            new_source = before is not None and before.source != estimate.source
            self._history.add(estimate.t_ns, estimate.probs, new_source=new_source)
            self._dirty = True
        if result.marks is not self._marks:
            self._marks = result.marks
            self._dirty = True
        fading = 0 < result.presence < 1
        waited = now_s - self._painted_s >= (FADE_STEP_S if fading else SCROLL_S)
        if not self.empty and self.isVisible() and (self._dirty or waited):
            self._dirty, self._painted_s = False, now_s
            self.draw(result.now_ns, result.current.leader if result.current is not None else None)

    def set_labels(self, labels: Sequence[str]) -> None:
        """Start again with one curve for each label. Nothing happens if they are the same as before."""
        if tuple(labels) == self.labels:
            return
        self.labels = tuple(labels)
        self.legend.set_labels(self.labels)
        self._history.clear(len(self.labels))
        self._plot.set_labels(self.labels)

    def add(self, t_ns: int, probs: Sequence[float]) -> None:
        """Append an estimate. One that is older than the last starts again."""
        self._history.add(t_ns, probs)

    def draw(self, now_ns: int, label: str | None = None) -> None:
        """Paint the span that ends at `now_ns`, or where it is paused, with the curve of `label`
        emphasized."""
        self._now_ns = now_ns
        row = self.labels.index(label) if label in self.labels else None
        if row != self._plot.emphasized:
            self._plot.emphasize(row)
        self._plot.draw_curves(*self.series(self.end_ns))
        self._plot.draw_marks(self._marks, self.end_ns, self._span_s)

    def series(self, end_ns: int) -> tuple[np.ndarray, np.ndarray]:
        """The curves of the span that ends at `end_ns`; see `EstimateHistory.series`."""
        return self._history.series(end_ns, self._span_s)

    # --- pause, scrub, zoom

    def toggle_pause(self) -> None:
        """Stand still, or follow the present again."""
        self._look_at(None if self.paused else self._now_ns)

    def follow(self) -> None:
        """Show the present again."""
        self._look_at(None)

    def scrub(self, seconds: float) -> None:
        """Look at what was `seconds` before (negative: after) what is shown; pauses it."""
        self._look_at(self.end_ns - to_ns(seconds))

    def zoom(self, factor: float) -> None:
        """Show a span that is `factor` times as long."""
        self._span_s = min(LONGEST_SPAN_S, max(SHORTEST_SPAN_S, self._span_s * factor))
        self._plot.set_span(self._span_s)
        self._redraw()

    def values_at(self, x_px: float) -> str:
        """What was estimated at a horizontal position of the widget, as a sentence; empty in a gap."""
        t_ns = self.end_ns + to_ns(self._seconds_at(x_px))
        mark = min(self._marks, key=lambda mark: abs(mark.t_ns - t_ns), default=None)
        parts = []
        if mark is not None and abs(mark.t_ns - t_ns) < to_ns(self._span_s / 100):
            parts.append(mark.text)
        if (found := self._history.at(t_ns)) is not None:
            _, probs = found
            best = sorted(range(len(probs)), key=probs.__getitem__, reverse=True)[:3]
            parts += [f"{strings.label_title(self.labels[i])} {round(100 * probs[i])} %" for i in best]
        if not parts:
            return ""
        age_s = max(0.0, (self._now_ns - t_ns) / NS_PER_S)
        return f"{tr('{seconds} s ago', seconds=round(age_s))}: {', '.join(parts)}"

    def _look_at(self, end_ns: int | None) -> None:
        if end_ns is not None:
            first_ns = self._history.first_ns
            end_ns = max(end_ns, self._now_ns if first_ns is None else first_ns)
            end_ns = None if end_ns > self._now_ns else end_ns
        self._paused_ns = end_ns
        self.legend.show_note(self._paused_note())
        self._redraw()

    def _paused_note(self) -> str:
        if self._paused_ns is None:
            return ""
        age_s = (self._now_ns - self._paused_ns) / NS_PER_S
        return tr("Paused {seconds} s ago. Space or End: follow again.", seconds=round(age_s))

    def _redraw(self) -> None:
        row = self._plot.emphasized
        label = None if row is None else self.labels[row]
        if not self.empty:
            self.draw(self._now_ns, label)

    def _seconds_at(self, x_px: float) -> float:
        return self._plot.x_to_s(self._plot.widget.mapFrom(self, QPointF(x_px, 0.0)).x())

    # --- events

    def event(self, event: QEvent) -> bool:
        """Keep the keys that the timeline uses from the window's shortcuts while it has the focus."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            plain = not event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier
            event.setAccepted(plain and event.key() in KEYS)
            return event.isAccepted()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        step_s = self._span_s * SCRUB_STEP
        match event.key():
            case Qt.Key.Key_Space:
                self.toggle_pause()
            case Qt.Key.Key_Left:
                self.scrub(step_s)
            case Qt.Key.Key_Right:
                self.scrub(-step_s)
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.zoom(1 / ZOOM_STEP)
            case Qt.Key.Key_Minus:
                self.zoom(ZOOM_STEP)
            case Qt.Key.Key_End:
                self.follow()
            case _:
                super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        self.zoom(ZOOM_STEP if event.angleDelta().y() < 0 else 1 / ZOOM_STEP)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag_from = (event.position().x(), self.end_ns)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        x = event.position().x()
        if self._drag_from is not None:
            start_x, end_ns = self._drag_from
            self._look_at(end_ns - to_ns(self._seconds_at(x) - self._seconds_at(start_x)))
            return
        values = self.values_at(x)
        self._plot.show_cursor(self._seconds_at(x) if values else None)
        self.legend.show_note(values or self._paused_note())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._drag_from = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.follow()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        self._plot.show_cursor(None)
        self.legend.show_note(self._paused_note())

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusOutEvent(event)
        self.update()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._plot.set_span(self._span_s)
            self._plot.emphasize(self._plot.emphasized)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        if self.hasFocus():
            painter = QPainter(self)
            painter.setPen(QColor(COLORS.focus))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
