"""Chooses light, dark or the desktop's theme, and follows the desktop."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from emolive.gui import theme
from emolive.gui.i18n import noop, tr
from emolive.gui.ui_settings import UiSettings

TITLES = {"system": noop("Theme: as the desktop"), "light": noop("Theme: light"), "dark": noop("Theme: dark")}


class ThemeSwitch(QObject):
    """Remembers the choice. Without an application (in tests of parts) it changes nothing."""

    def __init__(self, settings: UiSettings, parent: QObject) -> None:
        super().__init__(parent)
        self._settings = settings
        hints = QApplication.styleHints()
        hints.colorSchemeChanged.connect(self._follow_desktop)

    @property
    def name(self) -> theme.ThemeName:
        """The theme in use."""
        return saved_theme(self._settings)

    def next(self) -> str:
        """Use the next theme; returns a sentence about it."""
        names = theme.THEMES
        name = names[(names.index(self.name) + 1) % len(names)]
        self.use(name)
        return tr(TITLES[name])

    def use(self, name: theme.ThemeName) -> None:
        """Use a theme from now on."""
        self._settings.set_choice("theme", name)
        self._apply()

    def _follow_desktop(self) -> None:
        if self.name == "system":
            self._apply()

    def _apply(self) -> None:
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, self.name)


def saved_theme(settings: UiSettings) -> theme.ThemeName:
    """The theme that was chosen; the desktop's if none was."""
    name = settings.choice("theme", "system")
    return next((known for known in theme.THEMES if known == name), "system")
