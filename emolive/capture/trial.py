"""A short trial of a camera, a microphone or another source: what it delivers, without keeping any of it."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np

from emolive.capture.base import Source
from emolive.clock import now_ns, to_s
from emolive.types import AudioBlock, Frame, Status

OPEN_TIMEOUT_S = 8.0
_SILENCE_DBFS = -120.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What a source delivered."""

    frames: int
    frame_rate_hz: float
    """0 with fewer than two frames."""
    size_px: tuple[int, int] | None
    """Width and height of the newest frame."""
    luma: float | None
    """Mean brightness of the newest frame, 0..255."""
    blocks: int
    sample_rate_hz: int | None
    level_dbfs: float | None
    """Root mean square over all sound."""
    first_s: float | None
    """How long it took until something was delivered."""
    problem: str
    """The newest status that is a warning or an error; "" if all is well."""


class _Meter:
    """Counts and measures; nothing is stored."""

    def __init__(self) -> None:
        self._start_ns = now_ns()
        self.delivered = threading.Event()
        self.ended = threading.Event()
        self.first_s: float | None = None
        self.stamps_ns: list[int] = []
        self.size_px: tuple[int, int] | None = None
        self.luma: float | None = None
        self.blocks, self.samples, self.energy = 0, 0, 0.0
        self.rate_hz: int | None = None
        self.statuses: dict[str, Status] = {}

    def on_frame(self, frame: Frame) -> None:
        image = frame.image
        self.stamps_ns.append(frame.t_ns)
        self.size_px = image.shape[1], image.shape[0]
        self.luma = float(image[::8, ::8].mean())
        self._note()

    def on_audio(self, block: AudioBlock) -> None:
        self.blocks += 1
        self.samples += len(block.samples)
        self.energy += float(np.square(block.samples, dtype=np.float64).sum())
        self.rate_hz = block.rate_hz
        self._note()

    def on_status(self, status: Status) -> None:
        self.statuses[status.source] = status

    def on_end(self) -> None:
        self.ended.set()
        self.delivered.set()

    def _note(self) -> None:
        if self.first_s is None:
            self.first_s = to_s(now_ns() - self._start_ns)
            self.delivered.set()

    def result(self) -> Trial:
        level = None
        if self.samples:
            rms = math.sqrt(self.energy / self.samples)
            level = 20 * math.log10(rms) if rms > 0 else _SILENCE_DBFS
        span_s = to_s(self.stamps_ns[-1] - self.stamps_ns[0]) if len(self.stamps_ns) > 1 else 0.0
        problems = [s.text for s in self.statuses.values() if s.level in ("warning", "error")]
        return Trial(
            frames=len(self.stamps_ns),
            frame_rate_hz=(len(self.stamps_ns) - 1) / span_s if span_s > 0 else 0.0,
            size_px=self.size_px,
            luma=self.luma,
            blocks=self.blocks,
            sample_rate_hz=self.rate_hz,
            level_dbfs=level,
            first_s=self.first_s,
            problem=problems[-1] if problems else "",
        )


def try_source(source: Source, seconds: float) -> Trial:
    """Run a source for a short time from its first frame or block on.

    Args:
        source: not started; it is stopped in the end.
        seconds: how long; a source that delivers nothing is given up after OPEN_TIMEOUT_S.
    """
    meter = _Meter()
    try:
        source.start(meter)
        if meter.delivered.wait(OPEN_TIMEOUT_S):
            meter.ended.wait(seconds)
    finally:
        source.stop()
    return meter.result()
