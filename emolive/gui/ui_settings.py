"""What the person chose last time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QByteArray, QSettings

from emolive.paths import user_dir
from emolive.session.config import SessionConfig

REMEMBERED = ("fusion", "baseline", "person")
"""The fields of a SessionConfig that the window keeps. Not the devices: one that was unplugged since must
not stand in the way of the next start."""


class UiSettings:
    """The window's memory: an ini file in the user's folder."""

    def __init__(self) -> None:
        self._settings = QSettings(str(user_dir() / "window.ini"), QSettings.Format.IniFormat)

    def flag(self, name: str, default: bool) -> bool:
        value = self._settings.value(f"view/{name}", default)
        return value if isinstance(value, bool) else str(value).lower() == "true"

    def set_flag(self, name: str, value: bool) -> None:
        self._settings.setValue(f"view/{name}", value)

    def text(self, name: str) -> str | None:
        value = self._settings.value(f"session/{name}")
        return value if isinstance(value, str) and value else None

    def set_text(self, name: str, value: str) -> None:
        self._settings.setValue(f"session/{name}", value)

    def geometry(self) -> QByteArray | None:
        value = self._settings.value("view/geometry")
        return value if isinstance(value, QByteArray) else None

    def set_geometry(self, value: QByteArray) -> None:
        self._settings.setValue("view/geometry", value)

    def save(self) -> None:
        self._settings.sync()


def with_remembered(config: SessionConfig, given: Collection[str] = ()) -> SessionConfig:
    """`config` with last time's choices in the fields that nobody named this time (`given`)."""
    choices = UiSettings()
    found: dict[str, Any] = {name: choices.text(name) for name in REMEMBERED if name not in given}
    return replace(config, **{name: value for name, value in found.items() if value is not None})
