"""The window's dependencies on the rest of emolive. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from emolive.errors import EmoliveError
from emolive.gui.i18n import tr
from emolive.session.config import SessionConfig

if TYPE_CHECKING:
    from emolive.playback.app_session import AppSession


class Device(Protocol):
    """A camera or microphone as the window lists it."""

    @property
    def index(self) -> int: ...

    @property
    def name(self) -> str: ...

    @property
    def default(self) -> bool: ...


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
    compute_problems: Callable[[], dict[str, str]] = compute_problems
