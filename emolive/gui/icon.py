"""The program's icon."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QIcon

ICON = Path(__file__).with_name("resources") / "emolive.svg"


def app_icon() -> QIcon:
    """A face and a sound wave."""
    return QIcon(str(ICON))
