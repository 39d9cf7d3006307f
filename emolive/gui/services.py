"""The window's dependencies on the rest of emolive. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emolive.errors import EmoliveError
from emolive.gui.device_names import Device, DeviceKind
from emolive.gui.i18n import tr
from emolive.session.config import SessionConfig

if TYPE_CHECKING:
    from emolive.capture.base import Source
    from emolive.playback.app_session import AppSession


@dataclass(frozen=True, slots=True)
class FusionChoice:
    """A fusion in the dropdown."""

    name: str
    title: str
    problem: str = ""
    """Why it cannot be chosen; empty if it can."""


def create_session(config: SessionConfig) -> AppSession:
    """Create a session. Imported late because it imports OpenCV and the perception stage."""
    from emolive.playback.app_session import AppSession

    return AppSession(config)


def registered_fusions() -> tuple[FusionChoice, ...]:
    """Every registered fusion; one without a checkpoint has a `problem`."""
    from emolive.models.io import checkpoint
    from emolive.plugins import FUSIONS

    def problem(name: str) -> str:
        try:
            checkpoint.shipped(name)
        except EmoliveError:
            return tr("There is no checkpoint of the fusion {name}: train one and load it.", name=name)
        return ""

    return tuple(FusionChoice(name, title, problem(name)) for name, title in FUSIONS.titles().items())


def list_cameras() -> tuple[Device, ...]:
    """All cameras of this computer."""
    from emolive.capture.devices import cameras

    return tuple(cameras())


def list_microphones() -> tuple[Device, ...]:
    """All microphones of this computer."""
    from emolive.capture.devices import microphones

    return tuple(microphones(refresh=True))


def open_device(kind: DeviceKind, value: str) -> Source:
    """Make the source of a camera or microphone, not started.

    Raises:
        EmoliveError: there is no such device.
    """
    from emolive.capture.factory import create_microphone, create_source
    from emolive.errors import DeviceError

    source = create_source(value) if kind == "camera" else create_microphone(value)
    if source is None:
        raise DeviceError(f"There is no {kind} {value}.")
    return source


def compute_problems() -> dict[str, str]:
    """Compute device → why this computer does not have it. Imports torch."""
    from emolive.device import choose_device

    problems: dict[str, str] = {}
    for name in ("cuda", "mps"):
        try:
            choose_device(name)
        except EmoliveError:
            problems[name] = tr("This computer has none.")
    return problems


@dataclass(frozen=True, slots=True)
class Services:
    """Functions that the window calls; replaced in tests. All but `fusions` may block for seconds."""

    session: Callable[[SessionConfig], AppSession] = create_session
    fusions: Callable[[], Sequence[FusionChoice]] = registered_fusions
    cameras: Callable[[], Sequence[Device]] = list_cameras
    microphones: Callable[[], Sequence[Device]] = list_microphones
    open_device: Callable[[DeviceKind, str], Source] = open_device
    compute_problems: Callable[[], dict[str, str]] = compute_problems
