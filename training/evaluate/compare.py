"""`emolive-evaluate compare`: checkpoints side by side on the same clips."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.console import Console
from rich.table import Table

from emolive.atomic_io import atomic_write
from emolive.cli.config import Arg
from emolive.errors import ConfigError
from emolive.models.io import checkpoint
from emolive.types import Modality
from training import metrics
from training.evaluate.clips import ClipEvaluation, ClipOptions
from training.report import percent


@dataclass(frozen=True, kw_only=True)
class CompareOptions(ClipOptions):
    """Evaluate checkpoints on the same clips, each against the first by McNemar's test."""

    checkpoints: Annotated[tuple[Path, ...], Arg(positional=True, metavar="FILE")]
    """Checkpoints to compare."""


def compare(options: CompareOptions, console: Console | None = None) -> int:
    """Run the command.

    Raises:
        EmoliveError: a checkpoint or a clip cannot be used.
    """
    console = console or Console(soft_wrap=True)
    if len(options.checkpoints) < 2:
        raise ConfigError("Name at least two checkpoints to compare.")
    runs = [ClipEvaluation(checkpoint.load(path), options, console) for path in options.checkpoints]
    first, modality = runs[0], Modality(options.modality)
    if any(run.checkpoint.spec.labels != first.checkpoint.spec.labels for run in runs):
        raise ConfigError("The checkpoints have different labels and cannot be compared.")
    table = Table(title=f"Same clips, baseline {options.baseline}, {options.modality}")
    for column in ("checkpoint", "fusion", "top-1, %", "UAR, %", "ECE", "p against the first"):
        table.add_column(column)
    rows = []
    correct_first = first.probs(modality).argmax(axis=1) == first.truth
    for run in runs:
        probs = run.probs(modality)
        results = run.results(probs)
        p = None if run is first else metrics.mcnemar(correct_first, probs.argmax(axis=1) == run.truth)
        names = ("checkpoint", "fusion", "baseline", "n", "top1", "uar", "ece")
        rows.append({**{name: results[name] for name in names}, "p_against_first": p})
        cells = [percent(results["top1"]), percent(results["uar"]), f"{results['ece']:.3f}"]
        table.add_row(str(run.checkpoint.path), results["fusion"], *cells, "" if p is None else f"{p:.3g}")
    console.print(table)
    if options.json is not None:
        with atomic_write(options.json) as part:
            part.write_text(json.dumps(rows, indent=1) + "\n")
    return 0
