"""`emolive-evaluate`: accuracy and calibration of one checkpoint."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from emolive.atomic_io import atomic_write
from training import plots
from training.evaluate.clips import ClipEvaluation, load_any
from training.evaluate.options import EvaluateOptions
from training.evaluate.robustness import evaluate_robustness
from training.report import percent


def evaluate(options: EvaluateOptions, console: Console | None = None) -> int:
    """Run the command.

    Raises:
        EmoliveError: the checkpoint or a clip cannot be used.
    """
    console = console or Console(soft_wrap=True)
    evaluation = ClipEvaluation(load_any(options.checkpoint, options.fusion), options, console)
    probs = evaluation.probs(evaluation.modality)
    results = evaluation.results(probs)
    _print(console, evaluation.title, results)
    if options.robustness:
        results["robustness"] = evaluate_robustness(evaluation, console)
    if options.json is not None:
        with atomic_write(options.json) as part:
            part.write_text(json.dumps(results, indent=1) + "\n")
    if options.plots is not None:
        options.plots.mkdir(parents=True, exist_ok=True)
        labels = evaluation.checkpoint.spec.labels
        title = evaluation.title
        plots.confusion(options.plots / "confusion.png", np.array(results["confusion"]), labels, title)
        plots.reliability(options.plots / "reliability.png", evaluation.truth, probs, title)
        plots.actors(options.plots / "actors.png", results["per_actor_top1"], title)
    return 0


def _print(console: Console, title: str, results: dict[str, Any]) -> None:
    table = Table(title=title)
    table.add_column("measure")
    table.add_column("value", justify="right")
    table.add_column("95 % over actors", justify="right")
    for name, key in (("top-1, %", "top1"), ("UAR, %", "uar")):
        low, high = results[f"{key}_interval"]
        interval = "-" if low is None else f"{percent(low)} to {percent(high)}"
        table.add_row(name, percent(results[key]), interval)
    table.add_row("top-5, %", percent(results["top5"]), "")
    table.add_row("ECE", f"{results['ece']:.3f}", "")
    table.add_row("clips", str(results["n"]), "")
    for label, share in results["per_class_recall"].items():
        table.add_row(f"recall of {label}, %", "-" if share is None else percent(share), "")
    console.print(table)
