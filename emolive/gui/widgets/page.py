"""A page that lies over the window: a card with a title, content that scrolls, and buttons."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, SIZES, rgba

WIDTH_OF_TEXT = 42
"""Width of the card, in multiples of the text's size."""
EDGE_PX = 12
"""The card keeps this distance to the window's edges."""


class Page(QWidget):
    """Covers its parent until it is closed: by its button, Escape, or a click beside the card.

    Args:
        parent: what it covers.
        title: of the card.
        width_of_text: width of the card, in multiples of the text's size.
    """

    closed = Signal()

    def __init__(self, parent: QWidget, title: str, *, width_of_text: float = WIDTH_OF_TEXT) -> None:
        super().__init__(parent)
        self._parent = parent
        self._width_of_text = width_of_text
        self._focus_before: QWidget | None = None
        self.setAccessibleName(title)
        self.card = QFrame(self)
        self.card.setObjectName("card")
        self._title = QLabel(title)
        self._title.setObjectName("title")
        self.content = QVBoxLayout()
        self.content.setContentsMargins(0, 0, 6, 0)
        self.content.setSpacing(SIZES.gap_px)
        inner = QWidget()
        inner.setObjectName("pageContent")
        inner.setLayout(self.content)
        self._inner = inner
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._scroll.setWidget(inner)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(SIZES.gap_px)
        self.buttons.addStretch(1)
        layout = QVBoxLayout(self.card)
        layout.setContentsMargins(24, 18, 18, 16)
        layout.setSpacing(SIZES.gap_px)
        layout.addWidget(self._title)
        layout.addWidget(self._scroll, 1)
        layout.addLayout(self.buttons)
        self.default_button: QPushButton | None = None
        self.hide()
        parent.installEventFilter(self)

    def cover(self, parent: QWidget) -> None:
        """Lie over another widget from now on."""
        self._parent.removeEventFilter(self)
        self._parent = parent
        self.setParent(parent)
        parent.installEventFilter(self)

    def set_title(self, title: str) -> None:
        """Give the card another title."""
        self._title.setText(title)
        self.setAccessibleName(title)

    def add_text(self, text: str, *, dim: bool = False) -> QLabel:
        """Append a paragraph of plain text."""
        label = QLabel(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        if dim:
            label.setObjectName("note")
        self.content.addWidget(label)
        return label

    def add_button(self, text: str, slot: Callable[[], object], *, primary: bool = False) -> QPushButton:
        """Append a button; Enter presses the primary one."""
        button = QPushButton(text)
        button.clicked.connect(lambda _=False: slot())
        if primary:
            button.setObjectName("primary")
            self.default_button = button
        self.buttons.addWidget(button)
        return button

    def add_close_button(self) -> None:
        """Append a button that closes the page."""
        self.add_button(tr("Close"), self.close_page, primary=True)

    def clear_content(self) -> None:
        """Remove everything from the content."""
        while (item := self.content.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()

    def open_page(self) -> None:
        """Show it over its parent."""
        if self.isVisible():
            return
        self._focus_before = self._parent.window().focusWidget()
        self.setGeometry(self._parent.rect())
        self.raise_()
        self.show()
        self._place()
        if self.default_button is not None:
            self.default_button.setFocus(Qt.FocusReason.PopupFocusReason)
        else:
            self._scroll.setFocus(Qt.FocusReason.PopupFocusReason)

    def close_page(self) -> None:
        """Hide it and give the focus back."""
        if not self.isVisible():
            return
        self.hide()
        if self._focus_before is not None and self._focus_before.isVisible():
            self._focus_before.setFocus(Qt.FocusReason.OtherFocusReason)
        self.closed.emit()

    def toggle(self) -> None:
        """Open or close it."""
        if self.isVisible():
            self.close_page()
        else:
            self.open_page()

    def relayout(self) -> None:
        """Fit the card to its content. To be called after a change of the content."""
        if self.isVisible():
            self._place()

    def _place(self) -> None:
        for index in range(self.content.count()):
            # Qt shows what was just added only later, and a layout has no room for what is hidden.
            item = self.content.itemAt(index)
            if item is not None and (added := item.widget()) is not None:
                added.show()
        width = min(round(self._width_of_text * SIZES.text_px), self.width() - 2 * EDGE_PX)
        inner_width = width - 24 - 18 - 12
        self._inner.setFixedWidth(max(120, inner_width))
        # What labels in nested layouts need is known there only after an event that is still on its way.
        for layout in self._inner.findChildren(QLayout):
            layout.invalidate()
        self.content.activate()
        wanted = self._inner.heightForWidth(inner_width)
        wanted = max(wanted, self._inner.sizeHint().height()) if wanted < 0 else wanted
        around = self._title.sizeHint().height() + 2 * SIZES.gap_px + 40
        if self.buttons.count() > 1:
            around += SIZES.control_height_px
        height = min(wanted + around, self.height() - 2 * EDGE_PX)
        card = QRect(0, 0, width, height)
        card.moveCenter(self.rect().center())
        self.card.setGeometry(card)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Follow the parent's size."""
        if event.type() == QEvent.Type.Resize and watched is self._parent and self.isVisible():
            self.setGeometry(self._parent.rect())
            self._place()
        return False

    def event(self, event: QEvent) -> bool:
        """Plain keys are the page's own while it is open: what it covers must not be operated unseen."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            plain = not event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier
            if plain and not Qt.Key.Key_F1 <= event.key() <= Qt.Key.Key_F35:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Question):
            self.close_page()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            focused = self.focusWidget()
            button = focused if isinstance(focused, QPushButton) else self.default_button
            if button is not None:
                button.click()
        else:
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802
        """Tab stays within the page."""
        widgets = [
            widget
            for widget in self.findChildren(QWidget)
            if widget.isVisible() and widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        ]
        if not widgets:
            return True
        current = self.focusWidget()
        index = widgets.index(current) if current in widgets else -1
        step = 1 if forward else -1
        widgets[(index + step) % len(widgets)].setFocus(Qt.FocusReason.TabFocusReason)
        return True

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if not self.card.geometry().contains(event.position().toPoint()):
            self.close_page()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        QPainter(self).fillRect(self.rect(), rgba(COLORS.scrim))
