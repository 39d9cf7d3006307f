"""The keys and the More menu of the window, and the list of both for the help."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget


class Actions:
    """Adds actions to a window. `keys` are key sequences separated by blanks."""

    def __init__(self, window: QWidget) -> None:
        self._window = window
        self._help: list[tuple[str, str]] = []
        self.menu = QMenu(window)

    @property
    def help_rows(self) -> tuple[tuple[str, str], ...]:
        """(keys, help text) of every action with keys, in order."""
        return tuple(self._help)

    def add(self, title: str, keys: str, slot: Callable[[], object], help_text: str = "") -> QAction:
        """Add a menu entry that does something.

        Args:
            title: of the entry.
            keys: its shortcuts; the entry works without any.
            slot: called when the action is triggered.
            help_text: shown in the help; the title by default.
        """
        action = self._create(title, keys, help_text)
        action.triggered.connect(lambda _=False: slot())
        self.menu.addAction(action)
        return action

    def add_toggle(
        self, title: str, keys: str, slot: Callable[[bool], object], *, on: bool, help_text: str = ""
    ) -> QAction:
        """Add a menu entry that is on or off. See `add`."""
        action = self._create(title, keys, help_text)
        action.setCheckable(True)
        action.setChecked(on)
        action.toggled.connect(slot)
        self.menu.addAction(action)
        return action

    def add_separator(self) -> None:
        """Separate the entries before and behind."""
        self.menu.addSeparator()

    def bind(self, title: str, keys: str, slot: Callable[[], object]) -> QAction:
        """Add keys without a menu entry. They are listed in the help if there is a title."""
        action = self._create(title, keys, title)
        action.triggered.connect(lambda _=False: slot())
        return action

    def describe(self, keys: str, help_text: str) -> None:
        """Add a row to the help for several keys together."""
        self._help.append((keys, help_text))

    def _create(self, title: str, keys: str, help_text: str) -> QAction:
        # An action of the window itself: a menu's own shortcuts work only while it is open.
        action = QAction(title, self._window)
        action.setShortcuts([QKeySequence(key) for key in keys.split()])
        self._window.addAction(action)
        if keys and (text := help_text or title):
            self._help.append(("  ".join(keys.split()), text))
        return action
