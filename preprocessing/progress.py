"""The progress bar of long commands."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _RateColumn(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.speed or task.finished_speed
        return Text(f"{speed:.1f} {self._unit}/s" if speed else "")


class ProgressBar:
    """A progress bar with rate and remaining time; a context manager. It shows nothing outside a terminal.

    Args:
        console: a quiet one for all processes but the first.
        title: the current step.
        unit: the unit of the counts.
    """

    def __init__(self, console: Console, title: str, unit: str) -> None:
        self._title = title
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(30),
            MofNCompleteColumn(),
            TextColumn(unit),
            _RateColumn(unit),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def start(self, total: int | None, done: int = 0) -> None:
        """Begin to count; a total of None is unknown."""
        self._task = self._progress.add_task(self._title, total=total, completed=done)

    def advance(self, n: int = 1) -> None:
        """Count `n` more."""
        if self._task is not None:
            self._progress.update(self._task, advance=n)

    def describe(self, text: str) -> None:
        """Show a few words behind the title."""
        if self._task is not None:
            self._progress.update(self._task, description=f"{self._title} {text}")
