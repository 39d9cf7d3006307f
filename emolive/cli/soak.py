"""`emolive soak`: a long session that reports what grows and what is missing."""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from emolive.atomic_io import ensure_writable
from emolive.cli.config import Arg, Range
from emolive.cli.interrupts import early_exit
from emolive.cli.model_options import ModelOptions
from emolive.clock import now_ns, to_ns, to_s
from emolive.errors import CheckpointError

if TYPE_CHECKING:
    from emolive.session.session import Session
    from emolive.snapshot import Snapshot
    from emolive.types import Estimate

POLL_S = 0.2
SETTLING_SHARE = 0.2
"""The first part of a soak, in which buffers fill, does not count for growth."""


@dataclass(frozen=True, kw_only=True)
class SoakOptions(ModelOptions):
    """Run a session for hours and write one JSON line a minute: estimates, memory, threads, latency.

    The last line sums up. Ends with 1 if estimates are missing, or if memory or threads grow.
    """

    source: Annotated[str, Arg(metavar="S")] = "demo"
    """As for run."""
    mic: Annotated[str, Arg(metavar="M")] = "auto"
    """As for run."""
    hours: Annotated[float, Range(above=0)] = 1.0
    """How long."""
    every: Annotated[float, Range(above=0), Arg(metavar="SECONDS")] = 60.0
    """Time between two lines."""
    jsonl: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Write the lines to this file instead of the terminal."""
    max_growth: Annotated[float, Range(above=0), Arg(metavar="MIB")] = 1.0
    """Growth of memory in MiB per minute that is accepted."""
    max_missing: Annotated[float, Range(0, 1), Arg(metavar="SHARE")] = 0.01
    """Share of estimates that may be missing."""


def soak(options: SoakOptions) -> int:
    """Run the session and report."""
    with early_exit():
        from emolive.session.config import DEFAULT_BASELINE, DEFAULT_PERSON, SessionConfig
        from emolive.session.session import Session

    config = SessionConfig(
        source=options.source,
        mic=options.mic,
        fusion=options.fusion or "ia",
        checkpoint=options.checkpoint,
        baseline=options.baseline or DEFAULT_BASELINE,
        person=options.person or DEFAULT_PERSON,
        loop=True,
        device=options.device,
        backend=options.backend,
    )
    if options.jsonl is not None:
        ensure_writable(options.jsonl)
    out = sys.stdout if options.jsonl is None else options.jsonl.open("w", encoding="utf-8")
    session, log = Session(config), SoakLog()
    session.subscribe(log.add)
    try:
        session.start()
        _wait_for_model(session)
        log.begin(session.snapshot())
        end_ns, due_ns = now_ns() + to_ns(3600 * options.hours), now_ns() + to_ns(options.every)
        while now_ns() < end_ns:
            time.sleep(POLL_S)
            if now_ns() >= due_ns:
                due_ns += to_ns(options.every)
                _write(out, log.line(session.snapshot()))
        summary = log.summary(options.max_growth, options.max_missing)
        _write(out, summary)
    finally:
        session.stop()
        if out is not sys.stdout:
            out.close()
    return 0 if summary["ok"] else 1


def _wait_for_model(session: Session) -> None:
    while not session.model_settled:
        time.sleep(POLL_S)
    while not session.snapshot().fusion:
        for status in session.snapshot().statuses:
            if status.source == "model" and status.level == "error":
                raise CheckpointError(status.text)
        time.sleep(POLL_S)


def _write(out: Any, line: dict[str, Any]) -> None:
    out.write(json.dumps(line, allow_nan=False) + "\n")
    out.flush()


class SoakLog:
    """Collects what a soak reports. Estimates are added from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latencies_ms: list[float] = []
        self._began_ns = 0
        self._before: Snapshot | None = None
        self._lines: list[dict[str, Any]] = []

    def add(self, estimate: Estimate) -> None:
        """Take an estimate."""
        if estimate.stamps is not None:
            with self._lock:
                self._latencies_ms.append(estimate.stamps.latency_ns / 1e6)

    def begin(self, snapshot: Snapshot) -> None:
        """The soak begins now."""
        self._began_ns, self._before = now_ns(), snapshot
        with self._lock:
            self._latencies_ms.clear()

    def line(self, snapshot: Snapshot) -> dict[str, Any]:
        """The report on the time since the last one."""
        from emolive.process_stats import rss_bytes

        before = self._before or snapshot
        with self._lock:
            latencies, self._latencies_ms = sorted(self._latencies_ms), []
        counters, earlier = snapshot.counters, before.counters
        rss = rss_bytes()
        line = {
            "t_s": round(to_s(now_ns() - self._began_ns), 1),
            "estimates": counters.estimates - earlier.estimates,
            "skipped": counters.estimates_skipped - earlier.estimates_skipped,
            "frames_dropped": counters.frames_dropped - earlier.frames_dropped,
            "latency_p50_ms": _quantile(latencies, 0.5),
            "latency_p95_ms": _quantile(latencies, 0.95),
            "rss_mib": None if rss is None else round(rss / 2**20, 1),
            "threads": threading.active_count(),
            "statuses": {s.source: s.code for s in snapshot.statuses if s.level in ("warning", "error")},
        }
        self._before = snapshot
        self._lines.append(line)
        return line

    def summary(self, max_growth_mib: float, max_missing: float) -> dict[str, Any]:
        """The last line: totals, growth per minute, and whether that is accepted."""
        settled = self._lines[round(SETTLING_SHARE * len(self._lines)) :]
        estimates = sum(line["estimates"] for line in self._lines)
        skipped = sum(line["skipped"] for line in self._lines)
        missing = skipped / max(1, estimates + skipped)
        growth = slope_per_minute([(line["t_s"], line["rss_mib"]) for line in settled])
        more_threads = settled[-1]["threads"] - settled[0]["threads"] if settled else 0
        is_flat = (growth is None or growth <= max_growth_mib) and more_threads <= 0
        return {
            "summary": True,
            "estimates": estimates,
            "missing": round(missing, 4),
            "growth_mib_per_min": None if growth is None else round(growth, 3),
            "threads_added": more_threads,
            "ok": bool(estimates) and missing <= max_missing and is_flat,
        }


def slope_per_minute(points: list[tuple[float, float | None]]) -> float | None:
    """Least-squares slope of (seconds, value) points per minute; None with fewer than two values."""
    known = [(t_s, value) for t_s, value in points if value is not None]
    if len(known) < 2:
        return None
    middle_s = sum(t_s for t_s, _ in known) / len(known)
    mean = sum(value for _, value in known) / len(known)
    spread = sum((t_s - middle_s) ** 2 for t_s, _ in known)
    if not spread:
        return None
    return 60 * sum((t_s - middle_s) * (value - mean) for t_s, value in known) / spread


def _quantile(ordered: list[float], share: float) -> float | None:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else None
