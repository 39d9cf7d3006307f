"""What a long command will take, estimated from a few of its steps that are done now."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")


class Stopwatch:
    """Measures steps that follow each other; has the methods of a progress bar."""

    def __init__(self) -> None:
        self._times_s: list[float] = []

    def start(self, total: int | None, done: int = 0) -> None:
        """Begin to measure."""
        self._times_s = [monotonic()]

    def advance(self, n: int = 1) -> None:
        """A step has ended."""
        self._times_s.append(monotonic())

    @property
    def step_s(self) -> float:
        """The median duration of a step; without the first, in which models are loaded, if there are more."""
        durations = [b - a for a, b in zip(self._times_s, self._times_s[1:], strict=False)]
        return statistics.median(durations[1:] or durations or [0.0])


def spread(items: Sequence[Item], n: int) -> list[Item]:
    """At most `n` items at equal distances."""
    n = min(n, len(items))
    return [items[(2 * i + 1) * len(items) // (2 * n)] for i in range(n)]


def folder_bytes(folder: Path) -> int:
    """Size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
