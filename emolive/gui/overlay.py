"""What is drawn over the picture: face box, label, landmarks, tags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF

from emolive.gui import theme
from emolive.types import Face

Map = Callable[[float, float], QPointF]
"""From pixels of the frame to points of the widget."""


@dataclass(frozen=True, slots=True)
class Caption:
    """The words above a face."""

    text: str
    color: QColor


def font(size_px: int, *, bold: bool = False) -> QFont:
    """The application's font in another size."""
    result = QFont()
    result.setPixelSize(size_px)
    if bold:
        result.setWeight(QFont.Weight.DemiBold)
    return result


def draw_face(
    painter: QPainter, face: Face, to_widget: Map, area: QRectF, caption: Caption | None, *, landmarks: bool
) -> None:
    """The box with rounded corners, the caption above it and, if wanted, the landmarks."""
    color = caption.color if caption is not None else QColor(theme.TEXT)
    box = face.box_px
    first = to_widget(box.x_px, box.y_px)
    second = to_widget(box.x_px + box.width_px, box.y_px + box.height_px)
    rect = QRectF(first, second).normalized()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    radius = min(rect.width(), rect.height()) * 0.09
    for pen in (QPen(QColor(0, 0, 0, 110), 5), QPen(color, 3)):
        painter.setPen(pen)
        painter.drawRoundedRect(rect, radius, radius)
    if landmarks and face.points_px is not None:
        # The map only scales and moves, so two points tell all of it.
        zero, one = to_widget(0, 0), to_widget(1, 1)
        across = face.points_px[:, 0] * (one.x() - zero.x()) + zero.x()
        down = face.points_px[:, 1] * (one.y() - zero.y()) + zero.y()
        points = QPolygonF([QPointF(x, y) for x, y in zip(across.tolist(), down.tolist(), strict=True)])
        for pen_color, width in ((QColor(0, 0, 0, 120), 5.0), (QColor(255, 255, 255, 235), 3.0)):
            painter.setPen(QPen(pen_color, width, c=Qt.PenCapStyle.RoundCap))
            painter.drawPoints(points)
    if caption is not None:
        size = round(min(30.0, max(15.0, area.height() / 24)))
        text_font = font(size, bold=True)
        metrics = QFontMetricsF(text_font)
        width, height = metrics.horizontalAdvance(caption.text) + size * 1.1, metrics.height() + size * 0.35
        left = min(max(rect.center().x() - width / 2, area.left() + 4), area.right() - width - 4)
        top = rect.top() - height - 6
        if top < area.top() + 4:
            top = min(rect.bottom() + 6, area.bottom() - height - 4)
        pill(
            painter,
            QRectF(left, top, width, height),
            caption.text,
            text_font,
            ground=color,
            ink=QColor("#10131a"),
        )


def pill(
    painter: QPainter, rect: QRectF, text: str, text_font: QFont, *, ground: QColor, ink: QColor
) -> None:
    """A short text on a rounded ground."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ground)
    radius = min(rect.height() / 2, 9.0)
    painter.drawRoundedRect(rect, radius, radius)
    painter.setPen(ink)
    painter.setFont(text_font)
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)


def draw_tag(painter: QPainter, corner: QPointF, text: str, color: str) -> None:
    """A small tag whose upper left is at `corner`."""
    tag_font = font(12, bold=True)
    metrics = QFontMetricsF(tag_font)
    rect = QRectF(corner.x(), corner.y(), metrics.horizontalAdvance(text) + 18, metrics.height() + 8)
    pill(painter, rect, text, tag_font, ground=QColor(16, 19, 26, 215), ink=QColor(color))


def draw_message(painter: QPainter, area: QRectF, title: str, text: str, busy_phase: float | None) -> None:
    """A quiet message in the middle of `area`; with a phase 0..1 a turning arc above it."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = area.center()
    if busy_phase is not None:
        arc = QRectF(middle.x() - 20, middle.y() - 84, 40, 40)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(theme.LINE), 4))
        painter.drawEllipse(arc)
        painter.setPen(QPen(QColor(theme.ACCENT), 4, c=Qt.PenCapStyle.RoundCap))
        painter.drawArc(arc, round(-busy_phase * 360 * 16), 100 * 16)
    inner = area.adjusted(24, 0, -24, 0)
    painter.setPen(QColor(theme.TEXT))
    painter.setFont(font(20, bold=True))
    top = QRectF(inner.left(), middle.y() - 30, inner.width(), 34)
    painter.drawText(top, Qt.AlignmentFlag.AlignCenter, title)
    painter.setPen(QColor(theme.DIM))
    painter.setFont(font(14))
    below = QRectF(inner.left(), middle.y() + 8, inner.width(), max(0.0, area.bottom() - middle.y() - 12))
    flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
    painter.drawText(below, flags, text)
