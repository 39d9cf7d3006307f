"""The whole app in a process of its own, with the window shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks.results import BenchmarkConfig, Found, Measurement
from benchmarks.virtual_devices import VirtualDevices, loopback
from emolive.clock import now_ns
from emolive.errors import EmoliveError

START = "import sys; from emolive.cli import main; sys.exit(main(sys.argv[1:]))"
START_S = 2.0
"""From the model's being there until the first estimate; the rest is counted."""
PATIENCE_S = 180.0


def part(plan: BenchmarkConfig, found: Found) -> Iterator[Measurement]:
    """`window`: as `emolive run` shows it, first on a webcam and then on the demo, which draws as well.

    With a source that was asked for, on that alone.
    """
    if plan.source != "demo":
        yield from _figures(plan, VirtualDevices(plan.source, plan.mic, f"microphone {plan.mic}"), "source")
        return
    with loopback(plan.seconds + PATIENCE_S) as devices:
        yield from _figures(plan, devices, "webcam")
    yield from _figures(plan, VirtualDevices("demo", plan.mic, "its own"), "demo")


def _figures(plan: BenchmarkConfig, devices: VirtualDevices, kind: str) -> Iterator[Measurement]:
    start_ns = now_ns()
    told = _run(plan, devices)
    shown = "on the display" if _display() else "offscreen"
    what = {
        "webcam": f"another process's stream at 640x480, {devices.sound} microphone",
        "demo": "drawing the picture and making the voice are in it",
        "source": f"source {devices.source}, {devices.sound}",
    }[kind]
    note = f"{shown}, {told['counted_s']:.0f} s from the first estimate on; {what}"

    def figure(name: str, label: str, value: float | None, unit: str, target: float) -> Measurement:
        # The demo has no bounds of its own: what it draws is no part of the app.
        bound = None if kind == "demo" else target
        said = note if name == "cpu" else ""
        return Measurement(f"window.{kind}_{name}", label, value, unit, bound, name == "painted", said)

    def since_start(name: str) -> float | None:
        return None if told[name] is None else (told[name] - start_ns) / 1e9

    yield figure("visible", f"{kind}: window visible after start", since_start("first_paint_ns"), "s", 0.7)
    yield figure("estimate", "  first estimate after start", since_start("first_estimate_ns"), "s", 6.0)
    yield figure("cpu", "  CPU of the whole app", told["cpu_percent"], "% of a core", 45.0)
    yield figure("rss", "  memory at its most", told["peak_mb"], "MB", 450.0)
    yield figure("painted", "  frames painted", told["painted_per_s"], "a second", 29.0)
    yield figure("gap", "  longest gap between them", told["longest_gap_ms"], "ms", 100.0)
    yield Measurement(f"window.{kind}_estimates", "  estimates", told["estimates_per_s"], "a second")


def _run(plan: BenchmarkConfig, devices: VirtualDevices) -> dict[str, Any]:
    """What `--counters` tells of a run. EmoliveError if it came to nothing."""
    counters = plan.folder / "counters.json"
    options = {
        "--source": devices.source,
        "--mic": devices.mic,
        "--fusion": plan.fusion,
        "--backend": plan.backend,
        "--duration": str(START_S + plan.seconds),
        "--counters": str(counters),
    }
    environment = {**os.environ, **devices.environment, "EMOLIVE_HOME": str(plan.folder / "home")}
    if not _display():
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    counters.unlink(missing_ok=True)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", START, "run", *(word for pair in options.items() for word in pair)],
            env=environment,
            cwd=plan.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S + plan.seconds,
            check=False,
        )
        told: dict[str, Any] = json.loads(counters.read_text())
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise EmoliveError("The app did not run to its end, or told nothing.") from error
    if ended.returncode:
        raise EmoliveError(f"The app ended with {ended.returncode}: {ended.stderr.strip()[-200:]}")
    return told


def _display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
