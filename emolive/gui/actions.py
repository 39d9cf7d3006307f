"""Keys and the More menu: every key can also be clicked."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu, QWidget


class Actions:
    """Builds the menu and binds the keys of a window."""

    def __init__(self, window: QWidget) -> None:
        self._window = window
        self.menu = QMenu(window)

    def add(self, text: str, keys: str, slot: Callable[[], object]) -> QAction:
        """A menu entry that does something at once."""
        action = self._make(text, keys)
        action.triggered.connect(lambda _=False: slot())
        return action

    def add_toggle(self, text: str, keys: str, slot: Callable[[bool], object], *, on: bool) -> QAction:
        """A menu entry that is on or off."""
        action = self._make(text, keys)
        action.setCheckable(True)
        action.setChecked(on)
        action.toggled.connect(slot)
        return action

    def add_separator(self) -> None:
        self.menu.addSeparator()

    def bind(self, keys: str, slot: Callable[[], object]) -> None:
        """A key without a menu entry."""
        QShortcut(QKeySequence(keys), self._window).activated.connect(slot)

    def _make(self, text: str, keys: str) -> QAction:
        action = self.menu.addAction(text)
        if keys:
            action.setShortcuts([QKeySequence(key) for key in keys.split()])
        # A shortcut works only for an action of the window itself, even while the menu is closed.
        self._window.addAction(action)
        return action
