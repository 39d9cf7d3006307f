"""A tour of the window: one widget after the other is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, SIZES, rgba

BUBBLE_OF_TEXT = 26
"""Width of the text, in multiples of its size."""


@dataclass(frozen=True, slots=True)
class TourStep:
    """What is named, and a sentence about it."""

    widget: Callable[[], QWidget]
    text: str


class Tour(QWidget):
    """Covers its parent but for the widget of the step. Enter goes on, Escape ends it."""

    ended = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._parent = parent
        self._steps: Sequence[TourStep] = ()
        self._index = 0
        self.setAccessibleName(tr("Tour"))
        self._bubble = QFrame(self)
        self._bubble.setObjectName("card")
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._count = QLabel()
        self._count.setObjectName("note")
        self.skip_button = QPushButton(tr("Skip"))
        self.next_button = QPushButton(tr("Next"))
        self.next_button.setObjectName("primary")
        self.skip_button.clicked.connect(self.stop)
        self.next_button.clicked.connect(self.go_on)
        row = QHBoxLayout()
        row.addWidget(self._count, 1)
        row.addWidget(self.skip_button)
        row.addWidget(self.next_button)
        layout = QVBoxLayout(self._bubble)
        layout.addWidget(self._text)
        layout.addLayout(row)
        self.hide()
        parent.installEventFilter(self)

    @property
    def step(self) -> int:
        """The number of the step that is shown, from 0."""
        return self._index

    def start(self, steps: Sequence[TourStep]) -> None:
        """Begin with the first of these steps."""
        self._steps, self._index = steps, 0
        self.setGeometry(self._parent.rect())
        self.raise_()
        self.show()
        self._show_step()

    def go_on(self) -> None:
        """The next step, or the end."""
        if self._index + 1 >= len(self._steps):
            self.stop()
        else:
            self._index += 1
            self._show_step()

    def stop(self) -> None:
        """End the tour."""
        if self.isVisible():
            self.hide()
            self.ended.emit()

    def _show_step(self) -> None:
        step = self._steps[self._index]
        self._text.setText(step.text)
        self._text.setFixedWidth(min(BUBBLE_OF_TEXT * SIZES.text_px, self.width() - 60))
        self._count.setText(f"{self._index + 1} / {len(self._steps)}")
        last = self._index + 1 == len(self._steps)
        self.next_button.setText(tr("Done") if last else tr("Next"))
        self.setAccessibleDescription(step.text)
        self._bubble.adjustSize()
        self._bubble.move(self._bubble_place(self._hole()))
        self._bubble.show()
        self.next_button.setFocus(Qt.FocusReason.PopupFocusReason)
        self.update()

    def _hole(self) -> QRect:
        """The rectangle of the step's widget, in this widget."""
        widget = self._steps[self._index].widget()
        corner = self.mapFromGlobal(widget.mapToGlobal(QPoint(0, 0)))
        return QRect(corner, widget.size()).adjusted(-4, -4, 4, 4)

    def _bubble_place(self, hole: QRect) -> QPoint:
        """Below the hole, above it, or within it, whichever fits; inside the window."""
        size = self._bubble.size()
        if hole.bottom() + size.height() + 12 < self.height():
            top = hole.bottom() + 10
        elif hole.top() - size.height() - 12 > 0:
            top = hole.top() - size.height() - 10
        else:
            top = hole.bottom() - size.height() - 16
        left = min(max(8, hole.center().x() - size.width() // 2), self.width() - size.width() - 8)
        return QPoint(max(8, left), max(8, min(top, self.height() - size.height() - 8)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Follow the parent's size."""
        if event.type() == QEvent.Type.Resize and watched is self._parent and self.isVisible():
            self.setGeometry(self._parent.rect())
            self._show_step()
        return False

    def event(self, event: QEvent) -> bool:
        """Plain keys are the tour's own, as in `Page`."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            event.setAccepted(not event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier)
            return event.isAccepted()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() == Qt.Key.Key_Escape:
            self.stop()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Right):
            self.go_on()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        if not self._steps:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        hole = QRectF(self._hole())
        shade = QPainterPath()
        shade.addRect(QRectF(self.rect()))
        shade.addRoundedRect(hole, 8, 8)
        painter.fillPath(shade, rgba(COLORS.scrim))  # the rule is odd-even: the hole stays free
        painter.setPen(QPen(QColor(COLORS.focus), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(hole, 8, 8)
