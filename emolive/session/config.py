"""What a live session offers, whoever holds it: the window, the command line or a script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from emolive.types import Estimate, Snapshot

DEFAULT_BASELINE = "running"
DEFAULT_PERSON = "guest"


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """How a session begins; everything here can be switched later while it runs."""

    source: str = "auto"
    """"auto" is the default camera, or the demo where there is none; "demo"; a camera's index ("0") or
    name; a stream's address; a media file's path; "none"."""
    mic: str = "auto"
    """A microphone's name or index, "default", "none", or "auto": the file's or demo's own sound,
    the default microphone beside a camera."""
    fusion: str = "ia"
    checkpoint: Path | None = None
    """A checkpoint in place of the shipped one of `fusion`."""
    baseline: str = DEFAULT_BASELINE
    """none, neutral (from a calibration) or running."""
    person: str = DEFAULT_PERSON
    """Under which name the neutral baseline is kept."""
    paced: bool = True
    """Play a file or the demo by its own timestamps; False: as fast as it can be processed."""
    loop: bool = False
    """Play a file again from the start when it ends."""
    device: str = "auto"
    """Where the model runs: auto, cpu, cuda, mps."""
    backend: str = "auto"
    """What runs it: eager, folded, onnx, or "auto", the fastest of them as measured while loading."""


class SessionProtocol(Protocol):
    """A running session. All calls return at once and may come from any thread.

    What cannot be done is refused with EmoliveError by the call itself where that can be known
    at once, and otherwise shown as a `Status` in the snapshot while the session goes on.
    """

    def start(self) -> None: ...

    def stop(self, timeout_s: float = 3.0) -> bool:
        """End all threads; False if one did not end in time (it is a daemon and dies with us)."""

    def snapshot(self) -> Snapshot: ...

    def subscribe(self, callback: Callable[[Estimate], None]) -> None:
        """Call `callback` from the inference thread with each new estimate; it must be quick."""

    def set_source(self, source: str) -> None: ...

    def set_mic(self, mic: str) -> None: ...

    def set_fusion(self, fusion: str) -> None:
        """Load and warm up another fusion in the background, then swap; the old one answers on."""

    def set_checkpoint(self, path: Path) -> None: ...

    def set_baseline(self, mode: str) -> None: ...

    def set_person(self, person: str) -> None:
        """Read against another person's saved baseline; also clears the running one."""

    def calibrate(self, seconds: float = 5.0) -> None:
        """Take the next `seconds` of face and voice as this person's neutral, save it, use it."""
