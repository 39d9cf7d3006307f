"""Valence and arousal as a point with a trail, derived from the probabilities."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from emolive.gui import strings
from emolive.gui.affect import POSITIONS, valence_arousal
from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, SIZES, emotion_colors, font
from emolive.gui.view_state import EstimateView, ResultState

TRAIL = 40
"""Points of the trail; about ten seconds."""


class AffectView(QWidget):
    """A square from unpleasant to pleasant and from quiet to excited."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumSize(120, 60)
        self.setAccessibleName(tr("Valence and arousal, derived from the emotions"))
        self._trail: deque[tuple[float, float]] = deque(maxlen=TRAIL)
        self._estimate: EstimateView | None = None
        self._current = False

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(240, 260)

    @property
    def position(self) -> tuple[float, float] | None:
        """Valence and arousal shown, -1..1; None without an answer or for labels without a place."""
        return self._trail[-1] if self._trail and self._current else None

    def show_result(self, result: ResultState) -> None:
        """Move the point to the newest estimate."""
        estimate = result.estimate
        self._current = result.current is not None
        if estimate is not None and estimate is not self._estimate:
            if self._estimate is not None and self._estimate.source != estimate.source:
                self._trail.clear()
            self._estimate = estimate
            if (position := valence_arousal(estimate.labels, estimate.probs)) is not None:
                self._trail.append(position)
            else:
                self._trail.clear()
            valence, arousal = position or (0.0, 0.0)
            self.setAccessibleDescription(
                tr(
                    "Valence {valence}, arousal {arousal}",
                    valence=f"{valence:+.1f}",
                    arousal=f"{arousal:+.1f}",
                )
            )
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = SIZES.note_px * 1.5
        side = max(40.0, min(self.width() - 8.0, self.height() - 3 * line))
        square = QRectF((self.width() - side) / 2, line, side, side)
        painter.setPen(QPen(QColor(COLORS.line), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(square)
        center = square.center()
        painter.drawLine(QPointF(square.left(), center.y()), QPointF(square.right(), center.y()))
        painter.drawLine(QPointF(center.x(), square.top()), QPointF(center.x(), square.bottom()))
        self._paint_captions(painter, square, line)
        if self._estimate is None or valence_arousal(self._estimate.labels, self._estimate.probs) is None:
            return
        self._paint_emotions(painter, square)
        self._paint_trail(painter, square)

    def _paint_captions(self, painter: QPainter, square: QRectF, line: float) -> None:
        painter.setFont(font(SIZES.caption_px))
        painter.setPen(QColor(COLORS.dim))
        center = Qt.AlignmentFlag.AlignCenter
        wide = QRectF(0, square.top() - line, self.width(), line)
        painter.drawText(wide, center, tr("excited"))
        painter.drawText(wide.translated(0, square.height() + line), center, tr("quiet"))
        middle = QRectF(square.left() + 4, square.center().y() + 3, square.width() - 8, line)
        painter.drawText(middle, Qt.AlignmentFlag.AlignLeft, tr("unpleasant"))
        painter.drawText(middle, Qt.AlignmentFlag.AlignRight, tr("pleasant"))
        note = QRectF(0, square.bottom() + line, self.width(), line)
        painter.drawText(note, center, tr("Derived from the bars, not measured."))

    def _paint_emotions(self, painter: QPainter, square: QRectF) -> None:
        assert self._estimate is not None
        labels = self._estimate.labels
        painter.setFont(font(SIZES.caption_px))
        for label, color in zip(labels, emotion_colors(labels), strict=True):
            at = _place(POSITIONS[label], square)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawEllipse(at, 3.5, 3.5)
            painter.setPen(QColor(COLORS.dim))
            area = QRectF(at.x() - 60, at.y() + 3, 120, SIZES.caption_px * 1.5)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, strings.label_title(label))

    def _paint_trail(self, painter: QPainter, square: QRectF) -> None:
        color = QColor(COLORS.accent)
        for index, position in enumerate(self._trail):
            age = (index + 1) / len(self._trail)
            newest = index == len(self._trail) - 1
            color.setAlphaF(1.0 if newest and self._current else 0.08 + 0.4 * age)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            radius = SIZES.text_px * 0.6 if newest else 2.5
            painter.drawEllipse(_place(position, square), radius, radius)


def _place(position: tuple[float, float], square: QRectF) -> QPointF:
    valence, arousal = position
    half = square.width() / 2
    return QPointF(square.center().x() + valence * half, square.center().y() - arousal * half)
