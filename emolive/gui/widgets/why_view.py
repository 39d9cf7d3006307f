"""Why the answer is what it is: shares, attention, what the model sees, quality, age."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, SIZES, font, readable
from emolive.gui.view_state import WhyState
from emolive.types import Image


class WhyView(QWidget):
    """Paints a `WhyState`, one block below the other."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumSize(120, 60)
        self.setAccessibleName(tr("Why this answer"))
        self._state = WhyState()
        self._y = 0.0

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(260, 320)

    @property
    def state(self) -> WhyState:
        """The state shown."""
        return self._state

    def show_why(self, state: WhyState) -> None:
        """Show a state. To be called often: it repaints only what can be seen to change."""
        before, self._state = self._state, state
        # Arrays are compared by identity: a crop never changes.
        same_crops = [id(crop) for crop in state.crops] == [id(crop) for crop in before.crops]
        if not same_crops or _plain(state) != _plain(before):
            self.setAccessibleDescription(" ".join(self.sentences()))
            self.update()

    def sentences(self) -> tuple[str, ...]:
        """The page in words."""
        state = self._state
        result = []
        if state.has_parts:
            face = round(100 * state.face_share)
            result.append(tr("Face {face} %, voice {voice} % of the answer.", face=face, voice=100 - face))
        result += [state.note] if state.note else []
        result.append(self._sound_text())
        result.append(self._quality_text())
        if state.age_s is not None:
            result.append(self._age_text())
        return tuple(text for text in result if text)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._y = 0.0
        state = self._state
        if state.note:
            self._text(painter, state.note, lines=2)
        if state.has_parts:
            self._caption(painter, tr("Share in the answer"))
            self._shares(painter, state.face_share)
        if state.face_attention or state.voice_attention:
            span = tr("Where it looked in the last {seconds} s", seconds=f"{state.window_s:.1f}")
            self._caption(painter, span)
            self._attention(painter, tr("face"), state.face_attention, QColor(COLORS.face))
            self._attention(painter, tr("voice"), state.voice_attention, QColor(COLORS.voice))
        self._caption(painter, tr("What the model sees"))
        self._film(painter, state.crops)
        for text in (self._sound_text(), self._quality_text(), self._age_text()):
            if text:
                self._text(painter, text)

    # --- blocks

    def _line_px(self) -> float:
        return SIZES.note_px * 1.5

    def _caption(self, painter: QPainter, text: str) -> None:
        painter.setFont(font(SIZES.caption_px))
        painter.setPen(QColor(COLORS.dim))
        area = QRectF(0, self._y + 4, self.width(), self._line_px())
        painter.drawText(area, Qt.AlignmentFlag.AlignBottom, text)
        self._y += self._line_px() + 6

    def _text(self, painter: QPainter, text: str, lines: int = 1) -> None:
        painter.setFont(font(SIZES.note_px))
        painter.setPen(QColor(COLORS.text))
        flags = Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        wide = QFontMetricsF(painter.font()).horizontalAdvance(text) > self.width()
        height = self._line_px() * max(lines, 2 if wide else 1)
        painter.drawText(QRectF(0, self._y + 4, self.width(), height), flags, text)
        self._y += height + 2

    def _shares(self, painter: QPainter, face: float) -> None:
        height = SIZES.control_height_px * 0.8
        left = self.width() * face
        parts = (
            (0.0, left, COLORS.face, tr("face {percent} %", percent=round(100 * face))),
            (
                left,
                self.width() - left,
                COLORS.voice,
                tr("voice {percent} %", percent=100 - round(100 * face)),
            ),
        )
        painter.setFont(font(SIZES.note_px, bold=True))
        for x, width, color, text in parts:
            area = QRectF(x, self._y, width, height)
            painter.fillRect(area, QColor(color))
            if QFontMetricsF(painter.font()).horizontalAdvance(text) + 8 < width:
                painter.setPen(QColor(COLORS.ink))
                painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)
        self._y += height + 4

    def _attention(self, painter: QPainter, name: str, values: Sequence[float], color: QColor) -> None:
        if not values:
            return
        height = SIZES.note_px * 1.6
        label_px = QFontMetricsF(font(SIZES.caption_px)).horizontalAdvance(name) + 8
        painter.setFont(font(SIZES.caption_px))
        painter.setPen(readable(color, COLORS.surface))
        painter.drawText(QRectF(0, self._y, label_px, height), Qt.AlignmentFlag.AlignVCenter, name)
        step = (self.width() - label_px) / len(values)
        painter.setPen(Qt.PenStyle.NoPen)
        for index, value in enumerate(values):
            bar = height * max(0.04, value)
            area = QRectF(label_px + index * step, self._y + height - bar, max(1.0, step - 1), bar)
            painter.fillRect(area, color)
        self._y += height + 4

    def _film(self, painter: QPainter, crops: Sequence[Image]) -> None:
        if not crops:
            self._text(painter, tr("No face in the last seconds."))
            return
        side = min(self.width() / max(4, len(crops)), SIZES.control_height_px * 2.0)
        for index, crop in enumerate(crops):
            height, width = crop.shape[:2]
            image = QImage(crop.data, width, height, 3 * width, QImage.Format.Format_BGR888)
            painter.drawImage(QRectF(index * side, self._y, side - 2, side - 2), image)
        self._y += side + 4

    # --- texts

    def _sound_text(self) -> str:
        level = round(self._state.voice_dbfs)
        pitch = self._state.pitch_hz
        if level <= -100:
            return tr("No sound.")
        if pitch is None:
            return tr("Sound {level} dB, no pitch.", level=level)
        return tr("Sound {level} dB, pitch {pitch} Hz.", level=level, pitch=round(pitch))

    def _quality_text(self) -> str:
        quality = self._state.quality
        if quality is None:
            return ""
        return tr(
            "Face {size} px, light {light} %, sharpness {sharpness}.",
            size=round(quality.size_px),
            light=round(100 * quality.light),
            sharpness=f"{quality.sharpness:.2f}",
        )

    def _age_text(self) -> str:
        age_s = self._state.age_s
        return "" if age_s is None else strings.answer_age(age_s)


def _plain(state: WhyState) -> tuple[object, ...]:
    """What is shown of a state but the crops, no finer than it is shown."""
    return (
        state.has_parts,
        round(state.face_share, 2),
        state.face_attention,
        state.voice_attention,
        round(state.voice_dbfs),
        None if state.pitch_hz is None else round(state.pitch_hz),
        state.quality,
        None if state.age_s is None else round(state.age_s, 1),
        state.note,
    )
