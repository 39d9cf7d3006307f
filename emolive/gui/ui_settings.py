"""Settings of the window that persist between runs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QByteArray, QSettings

from emolive.capture.source_spec import parse_microphone, parse_source
from emolive.errors import ConfigError
from emolive.gui.model_choices import model_choices, option_value
from emolive.models.factory import available_fusions
from emolive.normalization import MODES
from emolive.paths import user_dir
from emolive.session.config import SessionConfig

REMEMBERED = ("fusion", "baseline", "hop_bins", "smoothing", "device", "backend")
"""The remembered fields of `SessionConfig`. Not the person: somebody else may sit there, and would get their
baseline."""
REMEMBERED_DEVICES = ("source", "mic")
"""The fields that name a camera and a microphone; one that is gone is replaced at the start
(`SessionController`)."""


class UiSettings:
    """The window's settings, an ini file in the user's folder."""

    def __init__(self) -> None:
        self._settings = QSettings(str(user_dir() / "window.ini"), QSettings.Format.IniFormat)

    def flag(self, name: str, default: bool) -> bool:
        """A switch of the view."""
        value = self._value(f"view/{name}", default)
        return value if isinstance(value, bool) else str(value).lower() == "true"

    def set_flag(self, name: str, value: bool) -> None:
        """Remember a switch of the view."""
        self._settings.setValue(f"view/{name}", value)

    def choice(self, name: str, default: str) -> str:
        """A choice of the view by its name."""
        value = self._value(f"view/{name}", default)
        return value if isinstance(value, str) else default

    def set_choice(self, name: str, value: str) -> None:
        """Remember a choice of the view."""
        self._settings.setValue(f"view/{name}", value)

    def text(self, name: str) -> str | None:
        """A field of the session's config; None if it was never saved."""
        value = self._value(f"session/{name}")
        return value if isinstance(value, str) and value else None

    def forget_text(self, name: str) -> None:
        """Remember nothing of a field."""
        self._settings.remove(f"session/{name}")

    def set_text(self, name: str, value: str | int) -> None:
        """Remember a field of the session's config."""
        self._settings.setValue(f"session/{name}", str(value))

    def geometry(self) -> QByteArray | None:
        """Where the window was."""
        value = self._value("view/geometry")
        return value if isinstance(value, QByteArray) else None

    def set_geometry(self, value: QByteArray) -> None:
        """Remember where the window is."""
        self._settings.setValue("view/geometry", value)

    def _value(self, key: str, default: Any = None) -> Any:
        """What the file holds; the default where that has a type that Python does not know."""
        try:
            return self._settings.value(key, default)
        except RuntimeError:
            return default

    def save(self) -> None:
        """Write the file."""
        self._settings.sync()


def with_remembered(config: SessionConfig, explicit: Collection[str] = ()) -> SessionConfig:
    """Fill a config with the remembered choices.

    Args:
        config: the start values.
        explicit: names of fields that were set on purpose and are not replaced.
    """
    settings = UiSettings()
    known = {"fusion": available_fusions(), "baseline": MODES}
    known |= {choice.option: tuple(choice.titles) for choice in model_choices()}
    values: dict[str, Any] = {}
    for name in REMEMBERED:
        value = settings.text(name)
        # The file may be another version's, or damaged.
        if name not in explicit and value is not None and value in known[name]:
            values[name] = option_value(name, value)
    for name in REMEMBERED_DEVICES:
        value = settings.text(name)
        if name not in explicit and value is not None and is_device(name, value):
            values[name] = value
    return replace(config, **values)


def is_device(name: str, value: str) -> bool:
    """Whether the value of a field of `REMEMBERED_DEVICES` names a device, or for the sound none.

    Not a file, a stream or the demo: those were for once.
    """
    try:
        if name == "source":
            return parse_source(value).kind == "camera"
        return parse_microphone(value).kind in ("microphone", "none") and value != "default"
    except ConfigError:
        return False
