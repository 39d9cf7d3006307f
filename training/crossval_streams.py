"""The streams of a cross-validation: held-out actors, read as live by the network that did not learn them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from emolive.atomic_io import atomic_write
from emolive.predictor import load_predictor
from preprocessing.annotations import Annotations
from preprocessing.progress import ProgressBar
from preprocessing.splits import Fold
from training.evaluate.options import StreamBaseline
from training.evaluate.stream import Answered, read_clips
from training.evaluate.stream_metrics import measure
from training.normalizer_sampler import NEUTRAL
from training.report import percent
from training.run_folder import MODEL

STREAMS = "streams.json"


def stream_results(
    annotations: Annotations,
    folds: Sequence[tuple[Fold, Path]],
    baselines: Sequence[StreamBaseline],
    console: Console,
    *,
    neutral: str = NEUTRAL,
) -> dict[str, dict[str, Any]]:
    """What `emolive-evaluate stream` measures, of each fold and of all of them together.

    Args:
        annotations: all clips.
        folds: each with its folder, where its results are written too.
        baselines: the baselines to measure.
        console: for progress and a table.
        neutral: the label of neutral clips.

    Returns:
        Baseline → measures over the held-out actors of all folds.

    Raises:
        EmoliveError: a checkpoint or a clip cannot be read, or the results cannot be written.
    """
    answered: dict[str, list[Answered]] = {baseline: [] for baseline in baselines}
    for fold, folder in folds:
        predictor = load_predictor(None, folder / MODEL)
        split = Annotations(
            tuple(replace(item, split=fold.split_of(item.actor)) for item in annotations.items),
            annotations.root,
        )
        with ProgressBar(console, f"Streams of fold {fold.name}", "streams") as bar:
            answers = read_clips(predictor, split, bar, baselines=baselines, split="testing", neutral=neutral)
        for baseline, streams in answers.items():
            answered[baseline] += streams
        of_fold = {baseline: measure(streams) for baseline, streams in answers.items()}
        with atomic_write(folder / STREAMS) as part:
            part.write_text(json.dumps(of_fold, indent=1, allow_nan=False) + "\n")
    results = {baseline: measure(streams) for baseline, streams in answered.items()}
    _print(results, console)
    return results


def _print(results: dict[str, dict[str, Any]], console: Console) -> None:
    table = Table(title="streams of all held-out actors")
    for column in ("baseline", "right hops, %", "before smoothing, %", "reaction, s", "never right, %"):
        table.add_column(column)
    for baseline, scores in results.items():
        reaction = scores["reaction_median_s"]
        table.add_row(
            baseline,
            percent(scores["hop_uar_shown"]),
            percent(scores["hop_uar_raw"]),
            "never" if reaction is None else f"{reaction:.1f}",
            percent(scores["never_right"]),
        )
    console.print(table)
