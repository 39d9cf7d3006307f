"""What of the view is switched on and off and remembered: landmarks and timeline."""

from __future__ import annotations

from collections.abc import Callable

from emolive.gui.actions import Actions
from emolive.gui.i18n import tr
from emolive.gui.ui_settings import UiSettings
from emolive.gui.widgets.central_view import CentralView


class ViewToggles:
    """Shows what the settings say, and changes them.

    Args:
        view: of the window.
        settings: remember the choices.
    """

    def __init__(self, view: CentralView, settings: UiSettings) -> None:
        self._view, self._settings = view, settings
        self._file_is_open = False
        view.video.set_landmarks(settings.flag("landmarks", True))
        self._show_timeline()

    def add_actions(self, actions: Actions, toggle_mirror: Callable[[], None]) -> None:
        """Add the menu entries and keys; the presenter of the picture mirrors it."""
        actions.add_toggle(
            tr("Landmarks"),
            "L",
            self._set_landmarks,
            on=self._view.video.landmarks,
            help_text=tr("Landmarks on or off"),
        )
        actions.add(tr("Mirror"), "M", toggle_mirror, tr("Mirror the picture"))
        actions.add_toggle(
            tr("Timeline"),
            "T",
            self._set_timeline,
            on=self._settings.flag("timeline", True),
            help_text=tr("Timeline on or off"),
        )

    def show_file(self, *, is_open: bool) -> None:
        """A file has a timeline of its own, of all of it. To be called often."""
        if is_open is not self._file_is_open:
            self._file_is_open = is_open
            self._show_timeline()

    def _set_landmarks(self, on: bool) -> None:
        self._view.video.set_landmarks(on)
        self._settings.set_flag("landmarks", on)

    def _set_timeline(self, on: bool) -> None:
        self._settings.set_flag("timeline", on)
        self._show_timeline()

    def _show_timeline(self) -> None:
        self._view.set_timeline_visible(self._settings.flag("timeline", True) and not self._file_is_open)
