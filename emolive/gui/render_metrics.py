"""Render and CPU metrics of a run of the window, for `emolive run --counters`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from emolive import clock
from emolive.atomic_io import atomic_write
from emolive.process_stats import peak_rss_bytes
from emolive.types import Estimate

SETTLING_S = 0.5
"""Frames and CPU time are counted from this time after the first estimate on."""


class RenderMetrics:
    """`window_painted` and `frame_painted` are called on the GUI thread, `estimate_published` on any."""

    def __init__(self, now_ns: Callable[[], int] = clock.now_ns) -> None:
        self._now_ns = now_ns
        self._first_paint_ns: int | None = None
        self._first_estimate_ns: int | None = None
        self._counting_since_ns: int | None = None
        self._cpu_s = 0.0
        self._frames = self._estimates = 0
        self._last_frame_ns = 0
        self._longest_gap_ns = 0
        self._results: dict[str, float | None] = {}

    def estimate_published(self, estimate: Estimate) -> None:
        """Count an estimate."""
        if self._first_estimate_ns is None:
            self._first_estimate_ns = self._now_ns()
        self._estimates += 1

    def window_painted(self) -> None:
        """Note the first paint, of a frame or a message."""
        if self._first_paint_ns is None:
            self._first_paint_ns = self._now_ns()

    def frame_painted(self) -> None:
        """Count a frame that was painted for the first time."""
        t_ns = self._now_ns()
        if self._counting_since_ns is None:
            first_ns = self._first_estimate_ns
            if first_ns is None or t_ns - first_ns < SETTLING_S * clock.NS_PER_S:
                return
            self._counting_since_ns, self._cpu_s, self._estimates = t_ns, time.process_time(), 0
        else:
            self._frames += 1
            self._longest_gap_ns = max(self._longest_gap_ns, t_ns - self._last_frame_ns)
        self._last_frame_ns = t_ns

    def stop(self) -> None:
        """Stop counting: closing the window is not measured."""
        self._results = self._results or self._measure()

    def save(self, path: Path) -> None:
        """Write the results as JSON.

        Raises:
            EmoliveError: the file cannot be written.
        """
        self.stop()
        with atomic_write(path) as part:
            part.write_text(json.dumps(self._results, indent=1) + "\n")

    def _measure(self) -> dict[str, float | None]:
        since_ns = self._counting_since_ns
        counted_s = 0.0 if since_ns is None else (self._now_ns() - since_ns) / clock.NS_PER_S

        def per_s(count: float) -> float | None:
            return None if counted_s <= 0 else count / counted_s

        peak_bytes = peak_rss_bytes()
        return {
            "first_paint_ns": self._first_paint_ns,
            "first_estimate_ns": self._first_estimate_ns,
            "counted_s": counted_s,
            "painted_per_s": per_s(self._frames),
            "longest_gap_ms": self._longest_gap_ns / 1e6 if self._frames else None,
            "estimates_per_s": per_s(self._estimates),
            "cpu_percent": per_s(100 * (time.process_time() - self._cpu_s)),
            "peak_mb": None if peak_bytes is None else peak_bytes / 1e6,
        }
