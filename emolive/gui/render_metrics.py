"""Counts what a run of the window painted and cost, for `emolive run --counters`."""

from __future__ import annotations

import json
import time
from pathlib import Path

from emolive.atomic_io import atomic_write
from emolive.clock import now_ns
from emolive.process_stats import peak_rss_bytes
from emolive.types import Estimate

SETTLED_S = 0.5
"""After the first estimate, until gaps count."""


class RenderMetrics:
    """`painted_window` and `painted_frame` belong to the window's thread, `heard` to any."""

    def __init__(self) -> None:
        self._first_paint_ns: int | None = None
        self._first_estimate_ns: int | None = None
        self._from_ns: int | None = None
        """Frames and CPU are counted from here on."""
        self._cpu_s = 0.0
        self._frames = self._estimates = 0
        self._last_ns: int | None = None
        self._gap_ns = 0
        self._told: dict[str, float | None] = {}

    def heard(self, estimate: Estimate) -> None:
        """An estimate was published."""
        if self._first_estimate_ns is None:
            self._first_estimate_ns = now_ns()
        self._estimates += 1

    def painted_window(self) -> None:
        """Something was painted, a frame or a message."""
        if self._first_paint_ns is None:
            self._first_paint_ns = now_ns()

    def painted_frame(self) -> None:
        """A frame was painted for the first time."""
        t_ns = now_ns()
        if self._from_ns is None:
            first = self._first_estimate_ns
            if first is None or t_ns - first < SETTLED_S * 1e9:
                return
            self._from_ns, self._cpu_s, self._estimates = t_ns, time.process_time(), 0
        else:
            self._frames += 1
            assert self._last_ns is not None
            self._gap_ns = max(self._gap_ns, t_ns - self._last_ns)
        self._last_ns = t_ns

    def stop(self) -> None:
        """Count no further; what the window does to close is not part of it."""
        self._told = self._told or self._tell()

    def save(self, path: Path) -> None:
        """Write everything as JSON. EmoliveError if it cannot be written."""
        self.stop()
        with atomic_write(path) as part:
            part.write_text(json.dumps(self._told, indent=1) + "\n")

    def _tell(self) -> dict[str, float | None]:
        counted_s = 0.0 if self._from_ns is None else (now_ns() - self._from_ns) / 1e9

        def per_s(count: float) -> float | None:
            return None if counted_s <= 0 else count / counted_s

        cpu = per_s(100 * (time.process_time() - self._cpu_s))
        return {
            "first_paint_ns": self._first_paint_ns,
            "first_estimate_ns": self._first_estimate_ns,
            "counted_s": counted_s,
            "painted_per_s": per_s(self._frames),
            "longest_gap_ms": self._gap_ns / 1e6 if self._frames else None,
            "estimates_per_s": per_s(self._estimates),
            "cpu_percent": cpu,
            "peak_mb": None if (peak := peak_rss_bytes()) is None else peak / 1e6,
        }
