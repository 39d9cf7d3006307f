"""The whole of a file as a strip: displayed labels, spans, and the position."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, SIZES, emotion_colors, font, scaled
from emolive.gui.transport_presenter import TransportState, clock_text
from emolive.types import Estimate

STALE_S = 1.5
"""An estimate stands for at most so long."""
REDRAW_S = 0.3
"""While the file is analysed, the strip is drawn anew at most this often."""
BAND_PX = 7
"""Height of the recorded labels."""
SPAN_PX = 16
"""Height of the spans, in which their labels are written."""
LOW_PX = 64
"""Below this height there is no room for labels in the spans."""
GAP_PX = 3
MARGIN_PX = 8
"""Left and right of the strip, so that the handle fits in."""


class FileTimeline(QWidget):
    """Columns in the colour of the displayed label, as high as its probability. A click or drag seeks."""

    seeked = Signal(float)
    """A position in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(round(scaled(160)), round(scaled(44)))
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Timeline of the file"))
        self._state: TransportState | None = None
        self._strip = QPixmap()
        self._drawn: tuple[object, ...] = ()
        """What the strip was drawn from."""
        self._drawn_s = 0.0

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(round(scaled(600)), round(scaled(76)))

    def show_state(self, state: TransportState) -> None:
        """Show a state. To be called often: it paints only changes that can be seen."""
        before, self._state = self._state, state
        if before is None or _visible(before, self.width()) != _visible(state, self.width()):
            self.setAccessibleDescription(state.clock)
            self.update()

    def position_at(self, x: float) -> float:
        """The position in seconds under a point."""
        if self._state is None:
            return 0.0
        margin = scaled(MARGIN_PX)
        share = (x - margin) / max(1, self.width() - 2 * margin)
        return min(1.0, max(0.0, share)) * self._state.duration_s

    def x_of(self, t_s: float) -> float:
        """Where a position is."""
        duration_s = self._state.duration_s if self._state is not None else 1.0
        margin = scaled(MARGIN_PX)
        return margin + min(1.0, max(0.0, t_s / duration_s)) * (self.width() - 2 * margin)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        state = self._state
        painter = QPainter(self)
        if state is None:
            return
        self._update_strip(state)
        painter.drawPixmap(0, 0, self._strip)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x = self.x_of(state.position_s)
        painter.setPen(QPen(QColor(COLORS.text), scaled(2)))
        painter.drawLine(QPointF(x, 2), QPointF(x, self.height() - 2))
        painter.setBrush(QColor(COLORS.text))
        half, low = scaled(5), scaled(7)
        painter.drawPolygon(QPolygonF([QPointF(x - half, 0), QPointF(x + half, 0), QPointF(x, low)]))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.button() is Qt.MouseButton.LeftButton:
            self.seeked.emit(self.position_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.seeked.emit(self.position_at(event.position().x()))

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.text_at(event.pos().x()), self)
            return True
        return super().event(event)

    def text_at(self, x: float) -> str:
        """Time and label under a point."""
        t_s = self.position_at(x)
        estimate = None if self._state is None else _at(self._state.track, t_s)
        label = tr("no estimate") if estimate is None else strings.label_title(estimate.label)
        return tr("{time}: {label}", time=clock_text(t_s), label=label)

    def _update_strip(self, state: TransportState) -> None:
        ratio = self.devicePixelRatioF()
        palette = tuple(color.name() for color in emotion_colors(state.labels))
        fixed = (
            self.size(), ratio, id(state.track), state.duration_s, state.spans, state.marks_s,
            id(state.recorded), palette, COLORS.raised,
        )  # fmt: skip
        content = (*fixed, len(state.track), len(state.recorded))
        now_s = time.monotonic()
        if content == self._drawn or (fixed == self._drawn[:-2] and now_s - self._drawn_s < REDRAW_S):
            return
        self._drawn, self._drawn_s = content, now_s
        self._strip = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        self._strip.setDevicePixelRatio(ratio)
        self._strip.fill(Qt.GlobalColor.transparent)
        painter = QPainter(self._strip)
        self._draw(painter, state)
        painter.end()

    def _draw(self, painter: QPainter, state: TransportState) -> None:
        colors = dict(zip(state.labels, emotion_colors(state.labels), strict=True))
        bottom = self.height() - 1.0
        band_px, gap_px = scaled(BAND_PX), scaled(GAP_PX)
        is_low = self.height() < scaled(LOW_PX)
        span_px = band_px if is_low else scaled(SPAN_PX)
        band_top = bottom - span_px
        for span in state.spans:
            left, right = self.x_of(span.start_s), self.x_of(span.end_s)
            rect = QRectF(left, band_top, max(2.0, right - left), span_px)
            painter.fillRect(rect, colors.get(span.label, QColor(COLORS.accent)))
            if is_low:
                continue
            painter.setPen(QColor(COLORS.ink))
            painter.setFont(font(SIZES.caption_px, bold=True))
            text = painter.fontMetrics().elidedText(
                strings.label_title(span.label), Qt.TextElideMode.ElideRight, int(rect.width()) - 8
            )
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
        strip_bottom = band_top - gap_px
        if state.recorded:
            strip_bottom -= band_px + gap_px
            self._draw_columns(painter, state.recorded, colors, (strip_bottom + gap_px, band_px), full=True)
        top, margin = scaled(8), scaled(MARGIN_PX)
        area = QRectF(margin, top, self.width() - 2 * margin, strip_bottom - top)
        painter.fillRect(area, QColor(COLORS.raised))
        self._draw_columns(painter, state.track, colors, (top, strip_bottom - top), full=False)
        painter.setPen(QPen(QColor(COLORS.accent), scaled(2)))
        for mark_s, direction in zip(state.marks_s, (1, -1), strict=True):
            if mark_s is not None:
                x = self.x_of(mark_s)
                painter.drawLine(QPointF(x, top), QPointF(x, bottom))
                painter.setFont(font(SIZES.note_px, bold=True))
                painter.drawText(
                    QPointF(x + scaled(3 if direction > 0 else -8), bottom), "[" if direction > 0 else "]"
                )

    def _draw_columns(
        self,
        painter: QPainter,
        track: Sequence[Estimate],
        colors: dict[str, QColor],
        place: tuple[float, float],
        *,
        full: bool,
    ) -> None:
        """A column for each pixel, or with `full` a band of equal height. `place` is its top and height."""
        top, height = place
        unsure = QColor(COLORS.faint)
        unsure.setAlphaF(0.45)
        margin = round(scaled(MARGIN_PX))
        for x in range(margin, self.width() - margin):
            estimate = _at(track, self.position_at(x + 0.5))
            if estimate is None:
                continue
            tall = height if full else height * max(0.06, estimate.confidence)
            painter.fillRect(QRectF(x, top + height - tall, 1, tall), colors.get(estimate.label, unsure))


def _at(track: Sequence[Estimate], t_s: float) -> Estimate | None:
    """The newest estimate at a time, if it is not too old."""
    index = bisect_right(track, t_s, key=lambda estimate: estimate.t_s)
    if not index or t_s - track[index - 1].t_s > STALE_S:
        return None
    return track[index - 1]


def _visible(state: TransportState, width: int) -> tuple[object, ...]:
    pixel = round(2 * width * state.position_s / state.duration_s)
    return pixel, id(state.track), len(state.track), state.spans, state.marks_s, len(state.recorded), width
