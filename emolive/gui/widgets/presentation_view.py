"""The picture, one large word and large bars, for an audience that sits far away."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, label_color
from emolive.gui.view_state import ResultState, WindowState
from emolive.gui.widgets.bars import Bars
from emolive.gui.widgets.fitted_label import FittedLabel
from emolive.gui.widgets.video_view import VideoView

WORD_OF_HEIGHT = 0.20
"""Height of the line of the word, as a part of the widget's height.

A letter is about half as high as its line: a tenth of the picture's height. On a projection 1 m high that
is 10 cm, or 34 minutes of arc from ten metres; 5 minutes are the limit of normal sight."""
MARGIN_OF_HEIGHT = 0.03
PICTURE_OF_WIDTH = 0.56
PICTURE_OF_HEIGHT = 0.34
UPRIGHT_WORD_OF_HEIGHT = 0.14
UPRIGHT = 1.1
"""Narrower than this (width / height), the bars stand under the picture."""


class PresentationView(QWidget):
    """Sizes follow the widget, so that a small window and a 4K projector show the same page."""

    def __init__(self) -> None:
        super().__init__()
        self.video = VideoView(plain=True)
        self.word = FittedLabel(centered=True)
        self.bars = Bars(large=True)
        for widget in (self.video, self.word, self.bars):
            widget.setParent(self)
        self.setAccessibleName(tr("Presentation"))
        self._shown: tuple[object, ...] = ()

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(240, 180)

    def show_state(self, state: WindowState) -> None:
        """Show a state of the window."""
        self.video.show_state(state.video)
        result = state.result
        shown = (result.estimate, result.presence, result.waiting, result.ended)
        if shown != self._shown:
            self._shown = shown
            self._show_result(result)

    def _show_result(self, result: ResultState) -> None:
        estimate = result.current
        if estimate is None:
            self.word.show_text(result.waiting or "–")
        else:
            self.word.show_text(estimate.word.capitalize(), label_color(estimate.labels, estimate.leader))
        if result.estimate is not None:
            self.bars.set_labels(result.estimate.labels)
            emphasized = () if estimate is None else estimate.emphasized
            self.bars.show_values(result.estimate.probs, emphasized, presence=result.presence)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        QPainter(self).fillRect(self.rect(), COLORS.surface)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        width, height = self.width(), self.height()
        margin = round(MARGIN_OF_HEIGHT * height)
        word = round(WORD_OF_HEIGHT * height)
        if width < UPRIGHT * height:
            picture, word = round(PICTURE_OF_HEIGHT * height), round(UPRIGHT_WORD_OF_HEIGHT * height)
            self.video.setGeometry(QRect(0, 0, width, picture))
            self.word.setFixedHeight(word)
            self.word.setGeometry(QRect(margin, picture + margin, width - 2 * margin, word))
            top = picture + word + 2 * margin
            self.bars.setGeometry(QRect(margin, top, width - 2 * margin, height - top - margin))
            return
        left = round(PICTURE_OF_WIDTH * width)
        self.video.setGeometry(QRect(0, 0, left, height))
        self.word.setFixedHeight(word)
        self.word.setGeometry(QRect(left + margin, margin, width - left - 2 * margin, word))
        top = word + 2 * margin
        self.bars.setGeometry(QRect(left + margin, top, width - left - 2 * margin, height - top - margin))
