"""CPU time of interleaved variants, so that other load on the machine affects all of them equally."""

from __future__ import annotations

import gc
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

WARM = 3


@dataclass(frozen=True, slots=True)
class Times:
    """In milliseconds."""

    p50: float
    p95: float

    @classmethod
    def of(cls, ms: Sequence[float]) -> Times:
        p50, p95 = np.percentile(np.asarray(ms, float), [50, 95])
        return cls(float(p50), float(p95))

    def to_dict(self) -> dict[str, float]:
        return {"p50": round(self.p50, 3), "p95": round(self.p95, 3)}


def interleaved(variants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Times]:
    """CPU time of this process for one call of each, over `rounds` rounds after a few warm-up rounds.

    It is the time of the process, which includes the threads of libraries.
    """
    times_ms: dict[str, list[float]] = {name: [] for name in variants}
    collecting = gc.isenabled()
    gc.disable()
    try:
        for turn in range(WARM + rounds):
            for name, run in variants.items():
                start = time.process_time_ns()
                run()
                spent = time.process_time_ns() - start
                if turn >= WARM:
                    times_ms[name].append(spent / 1e6)
            gc.collect()
    finally:
        if collecting:
            gc.enable()
    return {name: Times.of(each) for name, each in times_ms.items()}


def machine() -> dict[str, object]:
    """Processor, system and package versions; no names of users or folders."""
    packages = {}
    for name in ("emolive", "torch", "onnxruntime", "mediapipe", "numpy", "PySide6-Essentials"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed"
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load_before": load,
        "packages": packages,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unknown")
