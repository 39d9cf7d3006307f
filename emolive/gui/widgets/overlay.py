"""Drawing over the video: face box, caption, landmarks, tags and messages."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF

from emolive.gui.theme import COLORS, SIZES, font, rgba
from emolive.gui.view_state import Message, Tag
from emolive.types import Face

ToWidget = Callable[[float, float], QPointF]
"""Maps pixels of the frame to points of the widget, by scaling and moving."""

TAG_PITCH_PX = 30
_SHADOW = QColor(0, 0, 0, 115)
_LANDMARK = QColor(255, 255, 255, 235)


def draw_face(
    painter: QPainter, face: Face, to_widget: ToWidget, color: QColor, *, landmarks: bool
) -> QRectF:
    """Draw the face box and, with `landmarks`, its points.

    Returns:
        The box in points of the widget.
    """
    box = face.box_px
    corner = to_widget(box.x_px, box.y_px)
    opposite = to_widget(box.x_px + box.width_px, box.y_px + box.height_px)
    rect = QRectF(corner, opposite).normalized()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    radius = min(rect.width(), rect.height()) * 0.09
    for pen in (QPen(_SHADOW, 5), QPen(color, 3)):
        painter.setPen(pen)
        painter.drawRoundedRect(rect, radius, radius)
    if landmarks and face.points_px is not None:
        # The map is affine without rotation: two points define it.
        zero, one = to_widget(0, 0), to_widget(1, 1)
        xs = face.points_px[:, 0] * (one.x() - zero.x()) + zero.x()
        ys = face.points_px[:, 1] * (one.y() - zero.y()) + zero.y()
        points = QPolygonF([QPointF(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)])
        for pen in (QPen(_SHADOW, 5), QPen(_LANDMARK, 3)):
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawPoints(points)
    return rect


def draw_caption(painter: QPainter, text: str, face: QRectF, area: QRectF, color: QColor) -> None:
    """Draw a caption above the face box, or below it where there is no room; inside `area`."""
    size = round(min(30.0, max(15.0, area.height() / 24)))
    text_font = font(size, bold=True)
    metrics = QFontMetricsF(text_font)
    width, height = metrics.horizontalAdvance(text) + size * 1.1, metrics.height() + size * 0.35
    left = min(max(face.center().x() - width / 2, area.left() + 4), area.right() - width - 4)
    top = face.top() - height - 6
    if top < area.top() + 4:
        top = min(face.bottom() + 6, area.bottom() - height - 4)
    _draw_pill(painter, QRectF(left, top, width, height), text, text_font, (color, QColor(COLORS.ink)))


def draw_tags(painter: QPainter, corner: QPointF, tags: tuple[Tag, ...]) -> None:
    """Draw tags one below the other, from `corner` (upper left) on."""
    tag_font = font(SIZES.note_px, bold=True)
    metrics = QFontMetricsF(tag_font)
    top = corner.y()
    for tag in tags:
        rect = QRectF(corner.x(), top, metrics.horizontalAdvance(tag.text) + 18, metrics.height() + 8)
        _draw_pill(
            painter, rect, tag.text, tag_font, (rgba(COLORS.plate), QColor(COLORS.levels[tag.severity]))
        )
        top += TAG_PITCH_PX


def draw_banner(painter: QPainter, area: QRectF, text: str) -> None:
    """Draw a line of text at the bottom of `area`."""
    strip = QRectF(area.left(), area.bottom() - 36, area.width(), 36)
    painter.fillRect(strip, rgba(COLORS.plate))
    painter.setPen(QColor(COLORS.text))
    painter.setFont(font(SIZES.large_px))
    painter.drawText(strip, Qt.AlignmentFlag.AlignCenter, text)


def draw_message(painter: QPainter, area: QRectF, message: Message, phase: float) -> None:
    """Draw a message in the middle of `area`.

    Args:
        painter: where to.
        area: the area of the widget.
        message: title, text, and whether a turning arc stands above them.
        phase: position of the arc, 0..1.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = area.center()
    if message.busy:
        arc = QRectF(middle.x() - 20, middle.y() - 84, 40, 40)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(COLORS.line), 4))
        painter.drawEllipse(arc)
        painter.setPen(QPen(QColor(COLORS.accent), 4, c=Qt.PenCapStyle.RoundCap))
        painter.drawArc(arc, round(-phase * 360 * 16), 100 * 16)
    inner = area.adjusted(24, 0, -24, 0)
    painter.setPen(QColor(COLORS.text))
    painter.setFont(font(SIZES.title_px, bold=True))
    title = QRectF(inner.left(), middle.y() - 30, inner.width(), 34)
    painter.drawText(title, Qt.AlignmentFlag.AlignCenter, message.title)
    painter.setPen(QColor(COLORS.dim))
    painter.setFont(font(SIZES.large_px))
    below = QRectF(inner.left(), middle.y() + 8, inner.width(), max(0.0, area.bottom() - middle.y() - 12))
    flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
    painter.drawText(below, flags, message.text)


def _draw_pill(
    painter: QPainter, rect: QRectF, text: str, text_font: QFont, colors: tuple[QColor, QColor]
) -> None:
    """Draw a text on a rounded plate; the colours are the plate's and the text's."""
    plate, ink = colors
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(plate)
    radius = min(rect.height() / 2, 9.0)
    painter.drawRoundedRect(rect, radius, radius)
    painter.setPen(ink)
    painter.setFont(text_font)
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
