"""Drawing over the video: face box, caption, landmarks, tags and messages."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF

from emolive.gui.theme import COLORS, SIZES, font, rgba, scaled
from emolive.gui.view_state import Message, Tag
from emolive.gui.widgets.fitted_label import fitting_size
from emolive.types import BoundingBox, Face

ToWidget = Callable[[float, float], QPointF]
"""Maps pixels of the frame to points of the widget, by scaling and moving."""

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
    # Corners of straight lines: the outline of a rounded box cost as much as finding the face.
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    thickness = max(3.0, min(rect.width(), rect.height()) / 45)
    lines = _corners(rect, 0.24)
    for pen in (QPen(_SHADOW, thickness + 2), QPen(color, thickness)):
        pen.setCapStyle(Qt.PenCapStyle.SquareCap)
        painter.setPen(pen)
        painter.drawLines(lines)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if landmarks and face.points_px is not None:
        # The map is affine without rotation: two points define it.
        zero, one = to_widget(0, 0), to_widget(1, 1)
        xs = face.points_px[:, 0] * (one.x() - zero.x()) + zero.x()
        ys = face.points_px[:, 1] * (one.y() - zero.y()) + zero.y()
        points = QPolygonF([QPointF(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)])
        dot = max(3.0, thickness * 0.6)
        for pen in (QPen(_SHADOW, dot + 2), QPen(_LANDMARK, dot)):
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawPoints(points)
    return rect


def draw_other_face(painter: QPainter, box: BoundingBox, to_widget: ToWidget) -> None:
    """Draw the box of a face that is not read: thin and dashed."""
    rect = QRectF(
        to_widget(box.x_px, box.y_px), to_widget(box.x_px + box.width_px, box.y_px + box.height_px)
    ).normalized()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(_SHADOW, 4), QPen(_LANDMARK, 2, Qt.PenStyle.DashLine)):
        painter.setPen(pen)
        painter.drawRect(rect)


def _corners(rect: QRectF, part: float) -> list[QLineF]:
    """The lines of a box's four corners, each as long as `part` of its side."""
    dx, dy = rect.width() * part, rect.height() * part
    lines = []
    for x, to_x in ((rect.left(), dx), (rect.right(), -dx)):
        for y, to_y in ((rect.top(), dy), (rect.bottom(), -dy)):
            lines += [QLineF(x, y, x + to_x, y), QLineF(x, y, x, y + to_y)]
    return lines


def draw_caption(
    painter: QPainter, text: str, face: QRectF, area: QRectF, color: QColor, *, avoid: QRectF
) -> None:
    """Draw a caption above the face box, or below it where there is no room; inside `area`, and not over what
    stands in `avoid`."""
    size = round(max(13.0, area.height() / 24))
    text_font = font(size, bold=True)
    metrics = QFontMetricsF(text_font)
    width, height = metrics.horizontalAdvance(text) + size * 1.1, metrics.height() + size * 0.35
    left = min(max(face.center().x() - width / 2, area.left() + 4), area.right() - width - 4)
    top = face.top() - height - 6
    if top < area.top() + 4 or avoid.intersects(QRectF(left, top, width, height)):
        top = min(face.bottom() + 6, area.bottom() - height - 4)
    _draw_pill(painter, QRectF(left, top, width, height), text, text_font, (color, QColor(COLORS.ink)))


def draw_tags(painter: QPainter, area: QRectF, tags: tuple[Tag, ...]) -> QRectF:
    """Draw tags one below the other, from the upper left of `area` on. Returns where they stand."""
    covered = QRectF()
    size = round(max(SIZES.note_px, area.height() / 44))
    tag_font = font(size, bold=True)
    metrics = QFontMetricsF(tag_font)
    left, top = area.left() + size * 0.8, area.top() + size * 0.8
    for tag in tags:
        rect = QRectF(
            left, top, metrics.horizontalAdvance(tag.text) + size * 1.5, metrics.height() + size * 0.7
        )
        colors = (rgba(COLORS.plate), QColor(COLORS.levels_on_plate[tag.severity]))
        _draw_pill(painter, rect, tag.text, tag_font, colors)
        covered = covered.united(rect)
        top += rect.height() + 6
    return covered


def draw_banner(painter: QPainter, area: QRectF, text: str) -> None:
    """Draw a line of text at the bottom of `area`."""
    text_font = font(round(max(SIZES.large_px, area.height() / 28)))
    metrics = QFontMetricsF(text_font)
    flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
    inner = area.adjusted(12, 0, -12, 0)
    height = metrics.boundingRect(inner, flags, text).height() + 16
    strip = QRectF(area.left(), area.bottom() - height, area.width(), height)
    painter.fillRect(strip, rgba(COLORS.plate))
    painter.setPen(QColor(COLORS.plate_text))
    painter.setFont(text_font)
    painter.drawText(strip.adjusted(12, 0, -12, 0), flags, text)


def draw_hint(painter: QPainter, text: str, face: QRectF, area: QRectF) -> None:
    """Draw what would help the camera under the face box, or in it where there is no room; inside `area`."""
    size = fitting_size(text, round(max(12.0, area.height() / 34)), area.width() * 0.94)
    text_font = font(size, bold=True)
    metrics = QFontMetricsF(text_font)
    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width() - 2 * size)
    width, height = metrics.horizontalAdvance(text) + size * 1.1, metrics.height() + size * 0.4
    left = min(max(face.center().x() - width / 2, area.left() + 4), area.right() - width - 4)
    top = min(face.bottom() + 6, area.bottom() - height - 4)
    colors = (rgba(COLORS.plate), QColor(COLORS.levels_on_plate["warning"]))
    _draw_pill(painter, QRectF(left, top, width, height), text, text_font, colors)


def draw_countdown(painter: QPainter, area: QRectF, digit: str) -> None:
    """Draw a digit that can be read from some metres away, beside the face: in the upper right of `area`."""
    side = min(area.width(), area.height()) * 0.36
    margin = side * 0.08
    plate = QRectF(area.right() - side - margin, area.top() + margin, side, side)
    colors = (rgba(COLORS.plate), QColor(COLORS.plate_text))
    _draw_pill(painter, plate, digit, font(round(side * 0.8), bold=True), colors)


def draw_stale(painter: QPainter, area: QRectF, text: str) -> None:
    """Cover an old picture in `area` and say how old it is."""
    painter.fillRect(area, QColor(20, 22, 26, 140))
    size = round(max(14.0, area.height() / 18))
    text_font = font(size, bold=True)
    metrics = QFontMetricsF(text_font)
    rect = QRectF(0, 0, metrics.horizontalAdvance(text) + size * 1.4, metrics.height() + size * 0.6)
    rect.moveCenter(area.center())
    colors = (rgba(COLORS.plate), QColor(COLORS.levels_on_plate["warning"]))
    _draw_pill(painter, rect, text, text_font, colors)


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
        arc = QRectF(middle.x() - scaled(20), middle.y() - scaled(84), scaled(40), scaled(40))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(COLORS.line), 4))
        painter.drawEllipse(arc)
        painter.setPen(QPen(QColor(COLORS.accent), 4, c=Qt.PenCapStyle.RoundCap))
        painter.drawArc(arc, round(-phase * 360 * 16), 100 * 16)
    inner = area.adjusted(24, 0, -24, 0)
    painter.setPen(QColor(COLORS.text))
    painter.setFont(font(SIZES.title_px, bold=True))
    title = QRectF(inner.left(), middle.y() - scaled(30), inner.width(), scaled(34))
    painter.drawText(title, Qt.AlignmentFlag.AlignCenter, message.title)
    painter.setPen(QColor(COLORS.dim))
    painter.setFont(font(SIZES.large_px))
    top = middle.y() + scaled(8)
    below = QRectF(inner.left(), top, inner.width(), max(0.0, area.bottom() - top - 4))
    flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
    painter.drawText(below, flags, message.text)


def round_corners(painter: QPainter, area: QRectF) -> None:
    """Give `area` the corners of a panel, by painting what is outside of them. Cheaper than clipping."""
    radius = float(SIZES.panel_radius_px)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(COLORS.background))
    for corner, dx, dy in (
        (area.topLeft(), radius, radius),
        (area.topRight(), -radius, radius),
        (area.bottomLeft(), radius, -radius),
        (area.bottomRight(), -radius, -radius),
    ):
        outside = QPainterPath(corner)
        outside.lineTo(corner.x() + dx, corner.y())
        outside.quadTo(corner, QPointF(corner.x(), corner.y() + dy))
        outside.closeSubpath()
        painter.drawPath(outside)


def _draw_pill(
    painter: QPainter, rect: QRectF, text: str, text_font: QFont, colors: tuple[QColor, QColor]
) -> None:
    """Draw a text on a rounded plate; the colours are the plate's and the text's."""
    plate, ink = colors
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(plate)
    radius = min(rect.height() / 2, scaled(9.0))
    painter.drawRoundedRect(rect, radius, radius)
    painter.setPen(ink)
    painter.setFont(text_font)
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
