"""A listener that keeps what a source delivers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from emolive.types import AudioBlock, Frame, Status


class Collector:
    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.blocks: list[AudioBlock] = []
        self.statuses: list[Status] = []
        self.ended = threading.Event()

    def on_frame(self, frame: Frame) -> None:
        self.frames.append(frame)

    def on_audio(self, block: AudioBlock) -> None:
        self.blocks.append(block)

    def on_status(self, status: Status) -> None:
        self.statuses.append(status)

    def on_end(self) -> None:
        self.ended.set()

    @property
    def codes(self) -> list[str]:
        return [status.code for status in self.statuses]

    @property
    def code(self) -> str:
        """The newest status."""
        return self.statuses[-1].code if self.statuses else ""


def eventually(true: Callable[[], object], what: str, timeout_s: float = 30.0) -> None:
    """Wait until `true()`; AssertionError with `what` if it never comes."""
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"never came: {what}")
        time.sleep(0.02)
