"""The picture, painted straight from the newest frame."""

from __future__ import annotations

import time

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from emolive.gui import theme
from emolive.gui.frame_converter import FrameConverter
from emolive.gui.overlay import Caption, draw_face, draw_message, draw_tag
from emolive.gui.render_metrics import RenderMetrics
from emolive.types import Face, Frame

TURN_S = 1.2
"""How long the busy sign takes to go round once."""
FACE_ALONE_S = 0.06
"""A face waits so long for a frame to be painted with: painting twice as often is not seen, but paid for."""


class VideoView(QWidget):
    """Shows a frame with its face, or says why there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(280, 180)
        self.setAccessibleName("Picture")
        self.painted = 0
        """Frames painted so far, each counted once."""
        self.meter: RenderMetrics | None = None
        self.mirrored = False
        self.landmarks = True
        self.frame: Frame | None = None
        """The frame that is shown."""
        self._pixels = FrameConverter()
        self._face: Face | None = None
        self._caption: Caption | None = None
        self._tags: tuple[tuple[str, str], ...] = ()
        self._banner = ""
        self._message: tuple[str, str] = ("", "")
        self._busy = False
        self._fresh = False
        self._owed_s: float | None = None
        """Since when something of the face is not yet painted."""

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(800, 520)

    @property
    def has_picture(self) -> bool:
        return self.frame is not None

    @property
    def message(self) -> str:
        """What is said in place of a picture."""
        return " ".join(self._message).strip()

    @property
    def caption(self) -> str:
        """The words above the face; empty without a face."""
        return self._caption.text if self._caption is not None and self._face is not None else ""

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(text for text, _ in self._tags)

    def show_frame(self, frame: Frame) -> None:
        """Paint this frame from now on."""
        self.frame = frame
        self._fresh = True
        self.update()

    def show_nothing(self, title: str, text: str = "", *, busy: bool = False) -> None:
        """Say something in place of the picture."""
        changed = self.frame is not None or self._message != (title, text) or self._busy != busy
        self.frame = self._face = None
        self._message, self._busy = (title, text), busy
        if changed or busy:
            self.update()

    def annotate(
        self,
        face: Face | None,
        caption: Caption | None,
        tags: tuple[tuple[str, str], ...] = (),
        banner: str = "",
    ) -> None:
        """What to draw over the frames: a face with its caption, (text, colour) tags, a line below.

        To be called often: what is new of the face is painted with the next frame, or soon without one.
        """
        now_s = time.monotonic()
        if self._owed_s is None and (face is not self._face or caption != self._caption):
            self._owed_s = now_s
        at_once = (tags, banner) != (self._tags, self._banner)
        self._face, self._caption, self._tags, self._banner = face, caption, tags, banner
        if at_once or (self._owed_s is not None and now_s - self._owed_s > FACE_ALONE_S):
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        self._owed_s = None
        painter = QPainter(self)
        area = QRectF(self.rect())
        if self.meter is not None:
            self.meter.painted_window()
        if self.frame is None:
            painter.fillRect(area, QColor(theme.SURFACE))
            phase = time.monotonic() % TURN_S / TURN_S if self._busy else None
            draw_message(painter, area, *self._message, phase)
            return
        painter.fillRect(area, QColor("#0b0d11"))
        source = self.frame.image
        height, width = source.shape[:2]
        ratio = self.devicePixelRatioF()
        target = self._fit(width, height, area, ratio)
        image = self._pixels.show(
            source, round(target.width() * ratio), round(target.height() * ratio), mirrored=self.mirrored
        )
        image.setDevicePixelRatio(ratio)
        painter.drawImage(target.topLeft(), image)
        if self._fresh:
            self._fresh = False
            self.painted += 1
            if self.meter is not None:
                self.meter.painted_frame()
        self._paint_over(painter, width, target)

    def _paint_over(self, painter: QPainter, width: int, target: QRectF) -> None:
        """Face, tags and banner on a frame `width` pixels wide that lies at `target`."""
        scale = target.width() / width

        def to_widget(x_px: float, y_px: float) -> QPointF:
            x = width - x_px if self.mirrored else x_px
            return QPointF(target.left() + x * scale, target.top() + y_px * scale)

        if self._face is not None:
            painter.save()
            painter.setClipRect(target)
            draw_face(painter, self._face, to_widget, target, self._caption, landmarks=self.landmarks)
            painter.restore()
        corner = QPointF(target.left() + 10, target.top() + 10)
        for text, color in self._tags:
            draw_tag(painter, corner, text, color)
            corner.setY(corner.y() + 30)
        if self._banner:
            strip = QRectF(target.left(), target.bottom() - 36, target.width(), 36)
            painter.fillRect(strip, QColor(16, 19, 26, 215))
            painter.setPen(QColor(theme.TEXT))
            painter.drawText(strip, 0x84, self._banner)  # AlignCenter

    @staticmethod
    def _fit(width: int, height: int, area: QRectF, ratio: float) -> QRectF:
        """Where a picture lies in `area`: as large as fits, in the middle, on whole device pixels."""
        scale = min(area.width() / width, area.height() / height)
        across, down = (max(1, round(side * scale * ratio)) / ratio for side in (width, height))
        left = round((area.width() - across) / 2 * ratio) / ratio
        top = round((area.height() - down) / 2 * ratio) / ratio
        return QRectF(area.left() + left, area.top() + top, across, down)
