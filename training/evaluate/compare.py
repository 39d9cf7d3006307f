"""`emolive-evaluate compare`: checkpoints side by side on the same clips."""

from __future__ import annotations

import json

from rich.console import Console
from rich.table import Table

from emolive.atomic_io import atomic_write
from emolive.errors import ConfigError
from training import metrics
from training.evaluate.clips import ClipEvaluation, load_any
from training.evaluate.options import CompareOptions
from training.report import percent


def compare(options: CompareOptions, console: Console | None = None) -> int:
    """Run the command.

    Raises:
        EmoliveError: a checkpoint or a clip cannot be used.
    """
    console = console or Console(soft_wrap=True)
    said: set[str] = set()
    runs = [
        ClipEvaluation(load_any(path), options, console, subject=str(path), said=said)
        for path in options.checkpoints
    ]
    first = runs[0]
    if any(set(run.checkpoint.spec.labels) != set(first.checkpoint.spec.labels) for run in runs):
        raise ConfigError("The checkpoints have different labels and cannot be compared.")
    table = Table(title=f"Same clips, baseline {options.baseline}, {options.modality}")
    for column in ("checkpoint", "fusion", "top-1, %", "top-5, %", "UAR, %", "ECE", "p against the first"):
        table.add_column(column)
    rows = []
    correct_first = first.probs(first.modality).argmax(axis=1) == first.truth
    for run in runs:
        probs = run.probs(run.modality)
        results = run.results(probs)
        p = None if run is first else metrics.mcnemar(correct_first, probs.argmax(axis=1) == run.truth)
        names = ("checkpoint", "fusion", "baseline", "modality", "n", "top1", "top5", "uar", "ece")
        rows.append({**{name: results[name] for name in names}, "p_against_first": p})
        cells = [*(percent(results[name]) for name in ("top1", "top5", "uar")), f"{results['ece']:.3f}"]
        table.add_row(str(run.checkpoint.path), results["fusion"], *cells, "" if p is None else f"{p:.3g}")
    console.print(table)
    if options.json is not None:
        with atomic_write(options.json) as part:
            part.write_text(json.dumps(rows, indent=1) + "\n")
    return 0
