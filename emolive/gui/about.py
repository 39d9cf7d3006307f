"""What this program is: version, licence, and what a bug report needs. No Qt."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from importlib import metadata

from emolive.gui.i18n import tr

PACKAGES = ("emolive", "PySide6-Essentials", "torch", "onnxruntime", "opencv-python", "mediapipe", "av")
"""Whose versions matter for a bug report."""


def version() -> str:
    """The version of emolive; "?" where it is not installed."""
    try:
        return metadata.version("emolive")
    except metadata.PackageNotFoundError:
        return "?"


def licence() -> str:
    """The name of the licence."""
    return tr("MIT License, © 2026 The emolive developers")


def promises() -> tuple[str, ...]:
    """What everybody should know before they use it."""
    return (
        tr("Everything stays on this computer: picture and sound are sent nowhere."),
        tr("Nothing is kept unless you record, calibrate or take a picture."),
        tr("It reads expression, which is not feeling: faces and voices are acted, polite, tired or shy."),
        tr("It is not for judging people, and not for work or school."),
    )


def report(statuses: Sequence[str] = ()) -> str:
    """What a bug report needs, as text.

    Args:
        statuses: sentences of the present session.
    """
    lines = [f"Python {sys.version.split()[0]}, {platform.platform()}, {platform.machine()}"]
    for name in PACKAGES:
        try:
            lines.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            lines.append(f"{name} -")
    return "\n".join([*lines, *statuses])
