"""What a part of the bench is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

GROUP = "benchmarks"
"""Entry points of this group add parts: those that want the preprocessing or the training."""


@dataclass(frozen=True, slots=True)
class BenchmarkConfig:
    """What to measure on."""

    folder: Path
    """For files that are made on the way; emptied at the end."""
    rounds: int = 15
    """How often each variant is measured; they take turns."""
    seconds: float = 12.0
    """How long each session is watched."""
    fusion: str = "ia"
    backend: str = "auto"
    file: Path | None = None
    """Analysed in place of a drawn clip."""
    source: str = "demo"
    mic: str = "auto"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured number, or the sentence that says why there is none."""

    key: str
    """Stable, "part.name"."""
    label: str
    value: float | None = None
    unit: str = ""
    target: float | None = None
    at_least: bool = False
    """The target is a lower bound."""
    note: str = ""

    @property
    def held(self) -> bool | None:
        """Whether the target is met; None without one or without a value."""
        if self.value is None or self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target


@dataclass(slots=True)
class Found:
    """Figures, and what stands at the top of the JSON."""

    figures: list[Measurement] = field(default_factory=list)
    top: dict[str, object] = field(default_factory=dict)


Part = Callable[[BenchmarkConfig, Found], Iterator[Measurement]]
"""Yields its figures as they come; may put a summary into `Found.top`."""
