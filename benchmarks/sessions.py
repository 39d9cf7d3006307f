"""Sessions without a window: latency, several at once, and changes of the model while they run."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks import fixtures
from benchmarks.measure import Times
from benchmarks.results import BenchmarkConfig, Measurement, Report
from emolive.clock import now_ns
from emolive.errors import EmoliveError
from emolive.plugins import FUSIONS
from emolive.session.config import SessionConfig
from emolive.session.session import Session
from emolive.snapshot import Counters
from emolive.types import Estimate

FIRST_S = 60.0
IDLE_MS, BUSY_MS, SWITCH_MS = 120.0, 250.0, 300.0
AT_ONCE = (1, 2, 4)
CLIP_S = 6.0
BUSY = "while True: pass"


@dataclass(frozen=True, slots=True)
class SessionStats:
    """The results of sessions over the measured time."""

    latencies_ms: list[float]
    cpu_share: float
    """Of one core, all sessions together."""
    dropped: int
    skipped: int


def _config(config: BenchmarkConfig, source: str, mic: str, *, loop: bool = False) -> SessionConfig:
    return SessionConfig(source, mic, config.fusion, backend=config.backend, device="cpu", loop=loop)


def _wait_until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + FIRST_S
    while not true():
        if time.monotonic() > deadline:
            raise EmoliveError(f"There was no {what} within {FIRST_S:.0f} s.")
        time.sleep(0.02)


def _counted(sessions: list[Session]) -> Counters:
    each = [session.snapshot().counters for session in sessions]
    return Counters(
        frames_dropped=sum(c.frames_dropped for c in each),
        estimates_skipped=sum(c.estimates_skipped for c in each),
    )


def measure_sessions(configs: list[SessionConfig], seconds: float) -> SessionStats:
    """Run sessions until all answer, then count for `seconds`. EmoliveError if one never answers."""
    with ExitStack() as stack:
        sessions, streams = [], [list[Estimate]() for _ in configs]
        for config, estimates in zip(configs, streams, strict=True):
            session = Session(config)
            session.subscribe(estimates.append)
            sessions.append(stack.enter_context(session))
        _wait_until(lambda: all(streams), "estimate")
        before, marks = _counted(sessions), [len(estimates) for estimates in streams]
        start_s, cpu_s = time.monotonic(), time.process_time()
        time.sleep(seconds)
        cpu_s, spent_s = time.process_time() - cpu_s, time.monotonic() - start_s
        after = _counted(sessions)
        new = [e for estimates, mark in zip(streams, marks, strict=True) for e in estimates[mark:]]
    return SessionStats(
        [e.stamps.latency_ns / 1e6 for e in new if e.stamps],
        cpu_s / spent_s,
        after.frames_dropped - before.frames_dropped,
        after.estimates_skipped - before.estimates_skipped,
    )


@contextmanager
def busy_neighbour() -> Iterator[None]:
    """Another process that keeps one core busy."""
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def live(config: BenchmarkConfig, report: Report) -> Iterator[Measurement]:
    """`live`: from the newest evidence of a window to its estimate."""
    session_config = _config(config, config.source, config.mic)
    cpu_note = "includes drawing the face" if config.source == "demo" else f"source {config.source}"
    for name, beside, bound in (("idle", ExitStack(), IDLE_MS), ("busy", busy_neighbour(), BUSY_MS)):
        with beside:
            result = measure_sessions([session_config], config.seconds)
        times = Times.of(result.latencies_ms or [float("nan")])
        with_whom = "alone" if name == "idle" else "one busy neighbour"
        note = (
            f"{len(result.latencies_ms)} estimates, {result.skipped} skipped, {result.dropped} frames dropped"
        )
        yield Measurement(f"live.{name}_p50", f"evidence to label, {with_whom}", times.p50, "ms", note=note)
        yield Measurement(f"live.{name}_p95", "  95th percentile", times.p95, "ms", bound)
        yield Measurement(
            f"live.{name}_cpu", "  CPU of the session", 100 * result.cpu_share, "% of a core", note=cpu_note
        )


def sources(config: BenchmarkConfig, report: Report) -> Iterator[Measurement]:
    """`sources`: several headless sessions in one process."""
    path = fixtures.write_clip(config.folder / "source.mp4", CLIP_S)
    shares: dict[int, float] = {}
    for k in AT_ONCE:
        session_config = _config(config, str(path), "auto", loop=True)
        result = measure_sessions([session_config] * k, config.seconds)
        shares[k] = result.cpu_share
        note = f"640x480 files; {len(result.latencies_ms)} estimates, {result.skipped} skipped"
        label = f"{k} source{'s' if k > 1 else ''} at once, CPU"
        yield Measurement(f"sources.cpu_{k}", label, 100 * result.cpu_share, "% of a core", note=note)
    first, last = AT_ONCE[0], AT_ONCE[-1]
    further = (shares[last] - shares[first]) / (last - first)
    yield Measurement("sources.further", "  each further one", 100 * further, "% of a core")


def switch(config: BenchmarkConfig, report: Report) -> Iterator[Measurement]:
    """`switch`: from one fusion to another while the session runs."""
    estimates: list[Estimate] = []
    new = threading.Condition()

    def on_estimate(estimate: Estimate) -> None:
        with new:
            estimates.append(estimate)
            new.notify_all()

    delays_ms: list[float] = []
    with Session(_config(config, "demo", "auto")) as session:
        session.subscribe(on_estimate)
        _wait_until(lambda: estimates, "estimate")
        before = _counted([session])
        others = [fusion for fusion in FUSIONS.titles() if fusion != config.fusion]
        for fusion in (*others, config.fusion, *others, config.fusion):
            time.sleep(0.5)
            start_ns = now_ns()
            session.set_fusion(fusion)
            with new:
                if not new.wait_for(lambda f=fusion: estimates[-1].fusion == f, FIRST_S):  # type: ignore[misc]
                    raise EmoliveError(f"{fusion} did not answer within {FIRST_S:.0f} s.")
                if stamps := estimates[-1].stamps:
                    delays_ms.append((stamps.end_ns - start_ns) / 1e6)
        after = _counted([session])
    note = f"{len(delays_ms)} switches; an estimate comes every 240 ms"
    yield Measurement(
        "switch.first_p50", "switch to first estimate", Times.of(delays_ms).p50, "ms", SWITCH_MS, note=note
    )
    yield Measurement("switch.first_max", "  slowest", max(delays_ms), "ms")
    dropped = after.frames_dropped - before.frames_dropped
    yield Measurement("switch.dropped", "  frames dropped during switches", dropped, "", 0.0)
    skipped = after.estimates_skipped - before.estimates_skipped
    yield Measurement("switch.skipped", "  estimates skipped during switches", skipped, "")
