"""The whole app in a process of its own, with the window shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from emolive.bench.figures import Figure, Found, Plan
from emolive.clock import now_ns
from emolive.errors import EmoliveError

START = "import sys; from emolive.cli import main; sys.exit(main(sys.argv[1:]))"
START_S = 6.0
"""Of the time that the session runs, until its first estimate; the rest is counted."""
PATIENCE_S = 180.0


def part(plan: Plan, found: Found) -> Iterator[Figure]:
    """`window`: as `emolive run` shows it; offscreen where there is no display."""
    counters = plan.folder / "counters.json"
    options = ["run", "--source", plan.source, "--mic", plan.mic, "--fusion", plan.fusion]
    options += [
        "--backend",
        plan.backend,
        "--duration",
        str(START_S + plan.seconds),
        "--counters",
        str(counters),
    ]
    environment = {**os.environ, "EMOLIVE_HOME": str(plan.folder / "home")}
    shown = (
        "on the display" if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") else "offscreen"
    )
    if shown == "offscreen":
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    start_ns = now_ns()
    try:
        ended = subprocess.run(
            [sys.executable, "-c", START, *options],
            env=environment,
            cwd=plan.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S + plan.seconds,
            check=False,
        )
        told = json.loads(counters.read_text())
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise EmoliveError("The app did not run to its end, or told nothing.") from error
    if ended.returncode:
        raise EmoliveError(f"The app ended with {ended.returncode}: {ended.stderr.strip()[-200:]}")

    def since_start(name: str) -> float | None:
        return None if told[name] is None else (told[name] - start_ns) / 1e9

    yield Figure("window.visible", "window visible after start", since_start("first_paint_ns"), "s", 0.7)
    note = "the first window takes 3.6 s of it"
    yield Figure(
        "window.estimate", "first estimate after start", since_start("first_estimate_ns"), "s", 6.0, note=note
    )
    note = f"{shown}, source {plan.source}, {told['counted_s']:.0f} s from the first estimate on"
    yield Figure("window.cpu", "CPU of the whole app", told["cpu_percent"], "% of a core", 45.0, note=note)
    yield Figure("window.rss", "  memory at its most", told["peak_mb"], "MB", 450.0)
    yield Figure("window.painted", "  frames painted", told["painted_per_s"], "a second", 29.0, at_least=True)
    yield Figure("window.gap", "  longest gap between them", told["longest_gap_ms"], "ms", 100.0)
    yield Figure("window.estimates", "  estimates", told["estimates_per_s"], "a second")
