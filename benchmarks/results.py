"""Configuration and results of a benchmark run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BenchmarkConfig:
    """Parameters of a benchmark run."""

    folder: Path
    """Temporary folder, emptied at the end."""
    rounds: int = 15
    """Measurements of each variant; variants are interleaved."""
    seconds: float = 12.0
    """Duration of each measured session."""
    fusion: str = "ia"
    backend: str = "auto"
    file: Path | None = None
    """Media file to analyse in place of a drawn clip."""
    source: str = "demo"
    mic: str = "auto"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured number, or the reason why it is missing."""

    key: str
    """Stable identifier, "benchmark.name"."""
    label: str
    value: float | None = None
    unit: str = ""
    target: float | None = None
    at_least: bool = False
    """The target is a lower bound."""
    note: str = ""
    bottleneck: str = ""
    """What limits the value; printed below the table when the target is missed."""

    @property
    def target_met(self) -> bool | None:
        """None without a target or without a value."""
        if self.value is None or self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


@dataclass(slots=True)
class Report:
    """The measurements of a run, in order, and the summary at the top of its JSON."""

    measurements: list[Measurement] = field(default_factory=list)
    summary: dict[str, object] = field(default_factory=dict)


Benchmark = Callable[[BenchmarkConfig, Report], Iterator[Measurement]]
"""Yields measurements one by one; may add to `Report.summary`."""
