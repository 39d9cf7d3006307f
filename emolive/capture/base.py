"""What every source of pictures or sound looks like to the session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from emolive.types import AudioBlock, Frame, Status


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source can do; known before it is started."""

    name: str
    """For people: "Logitech C920", "clip.mp4", "Drawn demo"."""
    has_video: bool
    has_audio: bool
    live: bool
    """True for a device; False for a file or the demo, which could run faster than the clock."""
    is_synthetic: bool = False
    """The picture is drawn by our own code and must be labelled so."""
    duration_s: float | None = None


class Listener(Protocol):
    """Where a source delivers, called from the source's own thread.

    Both data calls return fast for a live source. For an unpaced one they may wait, which is
    how a slow reader holds a file back.
    """

    def on_frame(self, frame: Frame) -> None: ...

    def on_audio(self, block: AudioBlock) -> None: ...

    def on_status(self, status: Status) -> None: ...

    def on_end(self) -> None:
        """A file has been delivered to its end. Called once, after its last frame and sound."""


class Source(Protocol):
    """A camera, a microphone, a media file or the demo. Its thread is its own.

    A source never raises after `start` returned: a fault is a `Status`, and a device that went
    away is tried again until `stop`.
    """

    @property
    def info(self) -> SourceInfo: ...

    def start(self, listener: Listener, start_ns: int | None = None) -> None:
        """Begin to deliver; returns at once, opening the device happens in the source's thread.

        A file and the demo stamp `start_ns` (by default now) plus the time in them; a device stamps
        what comes when it comes.

        Raises EmoliveError for what can be known at once (no such file, no such device name).
        """

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Stop delivering and free the device; False if its thread did not end in time."""
