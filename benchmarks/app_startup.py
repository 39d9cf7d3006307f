"""The app in a separate process, with its window shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks.results import BenchmarkConfig, Measurement, Report
from benchmarks.virtual_devices import VirtualDevices, loopback
from emolive.clock import now_ns
from emolive.errors import EmoliveError

START = "import sys; from emolive.cli import main; sys.exit(main(sys.argv[1:]))"
START_S = 2.0
"""From the model's being there until the first estimate; the rest is counted."""
PATIENCE_S = 180.0
BOTTLENECKS = {
    "rss": "Imports fill most of it: torch about a third, then dlib's predictor, "
    "Qt with pyqtgraph and ONNX Runtime. Less would need torch in another process or not at all.",
    "estimate": "Importing torch holds the interpreter for most of this time.",
    "cpu": "Painting the video costs about as much as perception and prediction together.",
}


def run(config: BenchmarkConfig, report: Report) -> Iterator[Measurement]:
    """`window`: as `emolive run` shows it, first on a webcam and then on the demo, which draws as well.

    With a source that was asked for, on that alone.
    """
    if config.source != "demo":
        yield from _figures(
            config, VirtualDevices(config.source, config.mic, f"microphone {config.mic}"), "source"
        )
        return
    with loopback(config.seconds + PATIENCE_S) as devices:
        yield from _figures(config, devices, "webcam")
    yield from _figures(config, VirtualDevices("demo", config.mic, "its own"), "demo")


def _figures(config: BenchmarkConfig, devices: VirtualDevices, kind: str) -> Iterator[Measurement]:
    start_ns = now_ns()
    counters = _run(config, devices)
    platform = "on the display" if _display() else "offscreen"
    what = {
        "webcam": f"another process's stream at 640x480, {devices.sound} microphone",
        "demo": "includes drawing the picture and synthesising the voice",
        "source": f"source {devices.source}, {devices.sound}",
    }[kind]
    note = f"{platform}, {counters['counted_s']:.0f} s from the first estimate on; {what}"

    def figure(name: str, label: str, value: float | None, unit: str, target: float) -> Measurement:
        # No targets for the demo: its drawing is not part of the app.
        bound = None if kind == "demo" else target
        text = note if name == "cpu" else ""
        return Measurement(
            f"window.{kind}_{name}",
            label,
            value,
            unit,
            bound,
            name == "painted",
            text,
            BOTTLENECKS.get(name, ""),
        )

    def since_start(name: str) -> float | None:
        return None if counters[name] is None else (counters[name] - start_ns) / 1e9

    yield figure("visible", f"{kind}: window visible after start", since_start("first_paint_ns"), "s", 0.7)
    yield figure("estimate", "  first estimate after start", since_start("first_estimate_ns"), "s", 6.0)
    yield figure("cpu", "  CPU of the app", counters["cpu_percent"], "% of a core", 45.0)
    yield figure("rss", "  peak memory", counters["peak_mb"], "MB", 450.0)
    yield figure("painted", "  frames painted", counters["painted_per_s"], "a second", 29.0)
    yield figure("gap", "  longest gap between them", counters["longest_gap_ms"], "ms", 100.0)
    yield Measurement(f"window.{kind}_estimates", "  estimates", counters["estimates_per_s"], "a second")


def _run(config: BenchmarkConfig, devices: VirtualDevices) -> dict[str, Any]:
    """The counters that a run of the app writes. Raises EmoliveError if it wrote none."""
    path = config.folder / "counters.json"
    options = {
        "--source": devices.source,
        "--mic": devices.mic,
        "--fusion": config.fusion,
        "--backend": config.backend,
        "--duration": str(START_S + config.seconds),
        "--counters": str(path),
    }
    environment = {**os.environ, **devices.environment, "EMOLIVE_HOME": str(config.folder / "home")}
    if not _display():
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    path.unlink(missing_ok=True)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", START, "run", *(word for pair in options.items() for word in pair)],
            env=environment,
            cwd=config.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S + config.seconds,
            check=False,
        )
        counters: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise EmoliveError("The app did not run to its end.") from error
    if ended.returncode:
        raise EmoliveError(f"The app ended with {ended.returncode}: {ended.stderr.strip()[-200:]}")
    return counters


def _display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
