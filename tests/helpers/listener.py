"""A listener that records what a source delivers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from emolive.types import AudioBlock, Frame, Status


class Collector:
    """Records all calls of a source."""

    def __init__(self, enough_at: int = 10**9) -> None:
        self.items: list[Frame | AudioBlock] = []
        """Frames and blocks in the order of their delivery."""
        self.statuses: list[Status] = []
        self.n_ends = 0
        self.ended = threading.Event()
        self.enough = threading.Event()
        """Set when there are `enough_at` items."""
        self._enough_at = enough_at

    def on_frame(self, frame: Frame) -> None:
        self.on_item(frame)

    def on_audio(self, block: AudioBlock) -> None:
        self.on_item(block)

    def on_item(self, item: Frame | AudioBlock) -> None:
        """A frame or block was delivered."""
        self.items.append(item)
        if len(self.items) >= self._enough_at:
            self.enough.set()

    def on_status(self, status: Status) -> None:
        self.statuses.append(status)

    def on_end(self) -> None:
        self.n_ends += 1
        self.ended.set()

    @property
    def frames(self) -> list[Frame]:
        return [item for item in self.items if isinstance(item, Frame)]

    @property
    def blocks(self) -> list[AudioBlock]:
        return [item for item in self.items if isinstance(item, AudioBlock)]

    @property
    def codes(self) -> list[str]:
        return [status.code for status in self.statuses]

    @property
    def codes_by_source(self) -> dict[str, list[str]]:
        codes: dict[str, list[str]] = {}
        for status in self.statuses:
            codes.setdefault(status.source, []).append(status.code)
        return codes

    @property
    def code(self) -> str:
        """The newest status."""
        return self.statuses[-1].code if self.statuses else ""


def eventually(condition: Callable[[], object], what: str, timeout_s: float = 30.0) -> None:
    """Wait until `condition()` is true; AssertionError with `what` after `timeout_s`."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {timeout_s:g} s: {what}")
        time.sleep(0.02)
