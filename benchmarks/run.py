"""The benchmarks by name, and running them one after another."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Sequence

from benchmarks.results import Benchmark, BenchmarkConfig, Measurement, Report
from emolive.errors import ConfigError, EmoliveError, MissingDependencyError

log = logging.getLogger(__name__)

BENCHMARKS = {
    "hop": "benchmarks.predict_latency:run",
    "where": "benchmarks.profile_hotspots:run",
    "limit": "benchmarks.roofline:run",
    "analyze": "benchmarks.files:run",
    "live": "benchmarks.sessions:live",
    "sources": "benchmarks.sessions:sources",
    "switch": "benchmarks.sessions:switch",
    "window": "benchmarks.app_startup:run",
    "scale": "benchmarks.capacity:run",
    "preprocess": "benchmarks.preprocessing:run",
    "train": "benchmarks.training:run",
}
"""Name → "module:function"; imported when it runs, since some need optional packages."""


def names() -> tuple[str, ...]:
    """The names of all benchmarks, in the order in which they run."""
    return tuple(BENCHMARKS)


def load_benchmark(name: str) -> Benchmark:
    """A benchmark by its name.

    Raises:
        ConfigError: there is none of this name.
        MissingDependencyError: it needs packages that are not installed.
    """
    if name not in BENCHMARKS:
        raise ConfigError(f"There is no benchmark {name}: choose {', '.join(BENCHMARKS)}.")
    module, _, function = BENCHMARKS[name].partition(":")
    try:
        benchmark: Benchmark = getattr(importlib.import_module(module), function)
    except ImportError as error:
        raise MissingDependencyError(f"The benchmark {name} needs more packages: {error}.") from error
    return benchmark


def run(selection: Sequence[str], config: BenchmarkConfig, on_progress: Callable[[str], None]) -> Report:
    """Run the selected benchmarks. One that fails becomes a row with the reason.

    Raises:
        ConfigError: a name is unknown.
    """
    for name in selection:
        if name not in BENCHMARKS:
            raise ConfigError(f"There is no benchmark {name}: choose {', '.join(BENCHMARKS)}.")
    report = Report()
    for name in selection:
        on_progress(f"{name} …\n")
        try:
            for measurement in load_benchmark(name)(config, report):
                report.measurements.append(measurement)
        except EmoliveError as error:
            report.measurements.append(Measurement(f"{name}.missing", name, note=str(error)))
        except Exception as error:
            log.exception("the benchmark %s failed", name)
            report.measurements.append(Measurement(f"{name}.missing", name, note=f"It failed: {error}."))
    return report
