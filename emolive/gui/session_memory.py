"""What of a session is remembered for the next start."""

from __future__ import annotations

from emolive.gui.controller import SessionController
from emolive.gui.ui_settings import REMEMBERED, REMEMBERED_DEVICES, UiSettings, is_device


class SessionMemory:
    """Writes into the settings what `emolive.gui.ui_settings.with_remembered` reads.

    Args:
        settings: of the window; saved by its owner.
        controller: whose config is remembered while its session runs.
    """

    def __init__(self, settings: UiSettings, controller: SessionController) -> None:
        self._settings, self._controller = settings, controller
        self._chosen: set[str] = set()
        """The fields that the user has chosen in this window."""

    def note_choice(self, name: str) -> None:
        """The user has chosen a field of the config."""
        self._chosen.add(name)

    def keep(self) -> None:
        """Remember the choices. A device that was missing at the start stays remembered; a file, a stream or
        the drawing is none."""
        config = self._controller.config
        if self._controller.state != "running":
            return
        for name in REMEMBERED:
            self._settings.set_text(name, getattr(config, name))
        for name in self._chosen & set(REMEMBERED_DEVICES):
            value = getattr(config, name)
            if is_device(name, value):
                self._settings.set_text(name, value)
            elif value in ("auto", "default"):
                self._settings.forget_text(name)
