"""An analyzer of files from the options of a command, and the bar that shows how far it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING

from emolive.capture.tracks import AUTOMATIC, TrackChoice
from emolive.cli.commands import report
from emolive.cli.model_options import ModelOptions
from emolive.session.config import DEFAULT_PERSON

if TYPE_CHECKING:
    from emolive.file_analyzer import FileAnalyzer, OnProgress


def open_analyzer(
    options: ModelOptions,
    baseline: str,
    *,
    same_person: bool = False,
    tracks: TrackChoice = AUTOMATIC,
    av_offset_ns: int = 0,
) -> FileAnalyzer:
    """Load the model that the options name; what is to be said of it goes to stderr.

    Args:
        options: of the command.
        baseline: none, neutral or running.
        same_person, tracks, av_offset_ns: as for `FileAnalyzer`.

    Raises:
        EmoliveError: the model cannot be used.
    """
    import torch

    from emolive.file_analyzer import FileAnalyzer
    from emolive.predictor import load_predictor

    # For networks of this size a second thread mostly waits for the first.
    torch.set_num_threads(1)
    predictor = load_predictor(options.fusion, options.checkpoint, options.device, options.backend)
    if predictor.runtime.fallback_reason:
        report(predictor.runtime.fallback_reason)
    if predictor.spec.limits:
        report(predictor.spec.limits)
    return FileAnalyzer(
        predictor,
        baseline=baseline,
        person=options.person or DEFAULT_PERSON,
        same_person=same_person,
        on_corruption=report,
        on_notice=report,
        tracks=tracks,
        av_offset_ns=av_offset_ns,
    )


@contextmanager
def progress_bar(title: str | None) -> Iterator[OnProgress | None]:
    """A bar on stderr, which goes when the file is done; none without a title."""
    if title is None:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    name = "".join(c if c.isprintable() else "?" for c in PurePath(title).name)
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done_s, whole_s: bar.update(task, completed=done_s, total=whole_s)
