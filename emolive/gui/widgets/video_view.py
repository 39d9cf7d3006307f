"""The video with its overlay, or a message in its place."""

from __future__ import annotations

import time
from dataclasses import replace

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from emolive.gui.frame_converter import FrameConverter
from emolive.gui.i18n import tr
from emolive.gui.render_metrics import RenderMetrics
from emolive.gui.theme import COLORS, emotion_colors, label_color
from emolive.gui.view_state import EstimateView, VideoState
from emolive.gui.widgets.overlay import (
    draw_banner,
    draw_caption,
    draw_countdown,
    draw_face,
    draw_hint,
    draw_message,
    draw_other_face,
    draw_stale,
    draw_tags,
    round_corners,
)
from emolive.types import Frame

MIN_FRAME_S = 0.02
"""Faster sources are painted at this rate."""
FACE_DELAY_S = 0.06
"""A new face waits this long for the next frame before it is painted by itself."""
BUSY_PERIOD_S = 1.2
"""One turn of the busy indicator."""


class VideoView(QWidget):
    """Paints a `VideoState`, each frame once."""

    clicked = Signal(float, float)
    """A point of the frame, in pixels."""

    def __init__(self, *, plain: bool = False) -> None:
        """`plain`: without caption and landmarks, for where the answer stands beside the picture."""
        super().__init__()
        self._plain = plain
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)
        self.setAccessibleName(tr("Video"))
        self.painted = 0
        """Frames painted so far, each counted once."""
        self.metrics: RenderMetrics | None = None
        self._converter = FrameConverter()
        self._state = VideoState()
        self._landmarks = True
        self._target, self._scale = QRectF(), 1.0
        """Where the frame was painted, and points per pixel of it."""
        self._frame_s = 0.0
        self._unpainted_frame = False
        self._repaint_due_since_s: float | None = None
        """Since when a change of the face is not yet painted."""

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(800, 520)

    @property
    def state(self) -> VideoState:
        """The state shown."""
        return self._state

    @property
    def landmarks(self) -> bool:
        """Whether the landmarks of the face are drawn."""
        return self._landmarks

    def set_landmarks(self, on: bool) -> None:
        """Draw the landmarks or not."""
        self._landmarks = on
        self.update()

    def show_state(self, state: VideoState) -> None:
        """Show this from now on. To be called often: it decides itself when to paint."""
        now_s = time.monotonic()
        before = self._state
        if state.frame is not None and before.frame is not None and now_s - self._frame_s < MIN_FRAME_S:
            state = replace(state, frame=before.frame)
        self._state = state
        if state.frame is not before.frame:
            self._frame_s = now_s
            self._unpainted_frame = state.frame is not None
            self.update()
            return
        if self._repaint_due_since_s is None and state.face is not before.face:
            self._repaint_due_since_s = now_s
        changed = _painted_at_once(state) != _painted_at_once(before)
        busy = state.message is not None and state.message.busy
        due_s = self._repaint_due_since_s
        if changed or busy or (due_s is not None and now_s - due_s > FACE_DELAY_S):
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        self._repaint_due_since_s = None
        if self.metrics is not None:
            self.metrics.window_painted()
        painter = QPainter(self)
        area = QRectF(self.rect())
        if self._state.frame is None:
            painter.fillRect(area, QColor(COLORS.surface))
            if self._state.message is not None:
                phase = time.monotonic() % BUSY_PERIOD_S / BUSY_PERIOD_S
                draw_message(painter, area, self._state.message, phase)
            round_corners(painter, area)
            return
        painter.fillRect(area, QColor(COLORS.surface if self._plain else COLORS.letterbox))
        target, scale = self._paint_frame(painter, self._state.frame, area)
        self._target, self._scale = target, scale
        self._paint_overlay(painter, target, scale)
        if not self._plain:
            round_corners(painter, area)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        super().mousePressEvent(event)
        point = self.frame_point(event.position())
        if point is not None and event.button() is Qt.MouseButton.LeftButton:
            self.clicked.emit(*point)

    def frame_point(self, position: QPointF) -> tuple[float, float] | None:
        """The point of the frame under a point of the widget, in pixels; None outside the frame."""
        if self._state.frame is None or not self._target.contains(position):
            return None
        x = position.x() - self._target.left()
        if self._state.mirrored:
            x = self._target.width() - x
        return x / self._scale, (position.y() - self._target.top()) / self._scale

    def _paint_frame(self, painter: QPainter, frame: Frame, area: QRectF) -> tuple[QRectF, float]:
        """Paint the frame. Returns its rectangle and the scale in points per frame pixel."""
        image = frame.image
        height, width = image.shape[:2]
        ratio = self.devicePixelRatioF()
        target = _fit(width, height, area, ratio)
        converted = self._converter.convert(
            image,
            round(target.width() * ratio),
            round(target.height() * ratio),
            mirrored=self._state.mirrored,
        )
        if self._state.stale:
            converted = converted.convertToFormat(QImage.Format.Format_Grayscale8)
        converted.setDevicePixelRatio(ratio)
        painter.drawImage(target.topLeft(), converted)
        if self._unpainted_frame:
            self._unpainted_frame = False
            self.painted += 1
            if self.metrics is not None:
                self.metrics.frame_painted()
        return target, target.width() / width

    def _paint_overlay(self, painter: QPainter, target: QRectF, scale: float) -> None:
        state = self._state

        def to_widget(x_px: float, y_px: float) -> QPointF:
            x = x_px * scale
            return QPointF(
                target.right() - x if state.mirrored else target.left() + x, target.top() + y_px * scale
            )

        if state.stale:
            draw_stale(painter, target, state.stale)
        for other in () if self._plain else state.others:
            draw_other_face(painter, other, to_widget)
        tags = draw_tags(painter, target, state.tags)
        if state.face is not None:
            painter.save()
            painter.setClipRect(target)
            color = _color(state.estimate)
            landmarks = self._landmarks and not self._plain
            box = draw_face(painter, state.face, to_widget, color, landmarks=landmarks)
            if state.estimate is not None and not self._plain:
                draw_caption(painter, state.estimate.caption.capitalize(), box, target, color, avoid=tags)
            if state.hint and not state.countdown:
                draw_hint(painter, state.hint, box, target)
            painter.restore()
        if state.countdown:
            draw_countdown(painter, target, state.countdown)
        if state.banner:
            draw_banner(painter, target, state.banner)


def _painted_at_once(state: VideoState) -> tuple[object, ...]:
    """The fields of a state whose changes do not wait for a frame."""
    return (
        state.estimate,
        state.tags,
        state.banner,
        state.mirrored,
        state.message,
        state.stale,
        state.hint,
        state.countdown,
    )


def _color(estimate: EstimateView | None) -> QColor:
    """The colour of a face box."""
    if estimate is None:
        return QColor(COLORS.text)
    return label_color(estimate.labels, estimate.leader) or emotion_colors(("neutral",))[0]


def _fit(width: int, height: int, area: QRectF, ratio: float) -> QRectF:
    """The rectangle of an image in `area`: as large as fits, centred, on device pixels."""
    scale = min(area.width() / width, area.height() / height)
    fit_width, fit_height = (max(1, round(side * scale * ratio)) / ratio for side in (width, height))
    left = round((area.width() - fit_width) / 2 * ratio) / ratio
    top = round((area.height() - fit_height) / 2 * ratio) / ratio
    return QRectF(area.left() + left, area.top() + top, fit_width, fit_height)
