"""`emolive-evaluate strangers`: a model on clips of people whom no model has met.

A folder holds clips and truth.json: for each clip its kind (neutral, happy, acted, changing) and spans of
time with all labels that a person finds plausible there; "nobody" where no face is in view.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from emolive.atomic_io import atomic_write
from emolive.capture.decode import probe
from emolive.errors import ConfigError, MediaError
from emolive.file_analyzer import FileAnalyzer
from emolive.predictor import Predictor, load_predictor
from emolive.types import UNSURE, Estimate, FileSummary
from training.evaluate.disturbances import UNDISTURBED, Disturbance, disturbances, write_copy
from training.evaluate.options import StrangersOptions

TRUTH = "truth.json"
NOBODY = "nobody"
RECENT_S = 1.5
"""A label is plausible if it is for anything in this time before its estimate."""
SKIP_S = 1.0
"""Estimates before this time are not scored."""
SURE = 0.6
"""A label with more confidence than this counts as sure."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a clip."""

    from_s: float
    to_s: float
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class StrangerClip:
    """A clip and what is plausible in it."""

    path: Path
    kind: str
    spans: tuple[Span, ...]

    def plausible(self, t_s: float) -> frozenset[str]:
        """The labels that are plausible at `t_s`; none where the estimate is not scored."""
        if t_s < SKIP_S:
            return frozenset()
        near = (span.labels for span in self.spans if span.from_s < t_s and span.to_s > t_s - RECENT_S)
        labels = frozenset[str]().union(*near)
        return frozenset() if NOBODY in labels else labels


@dataclass(frozen=True, slots=True)
class Row:
    """What was displayed at one time."""

    t_s: float
    label: str
    confidence: float


def read_truth(folder: Path) -> tuple[StrangerClip, ...]:
    """The clips of a folder.

    Raises:
        ConfigError: truth.json is missing or cannot be read.
    """
    path = folder / TRUTH
    try:
        return tuple(
            StrangerClip(
                folder / entry["clip"],
                str(entry["kind"]),
                tuple(
                    Span(float(span["from_s"]), float(span["to_s"]), frozenset(span["labels"]))
                    for span in entry["spans"]
                ),
            )
            for entry in json.loads(path.read_text())
        )
    except FileNotFoundError:
        raise ConfigError(f"There is no {path}: it lists the clips and their plausible labels.") from None
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path} does not list clips with kinds and spans.") from error


def score(clips: Iterable[StrangerClip], rows: Mapping[str, Iterable[Row]]) -> dict[str, Any]:
    """Shares of plausible and unsure rows by kind, each clip weighing the same, and of wrong sure rows.

    Args:
        clips: the truth.
        rows: by the name of the clip.
    """
    kinds: dict[str, list[tuple[float, float]]] = {}
    by_clip: dict[str, float] = {}
    n_sure = n_wrong = 0
    for clip in clips:
        scored = [(row, clip.plausible(row.t_s)) for row in rows.get(clip.path.name, ())]
        scored = [(row, labels) for row, labels in scored if labels]
        if not scored:
            continue
        right = [row.label in labels for row, labels in scored]
        unsure = [row.label == UNSURE for row, _ in scored]
        sure = [row.label != UNSURE and row.confidence > SURE for row, _ in scored]
        n_sure += sum(sure)
        n_wrong += sum(is_sure and not is_right for is_sure, is_right in zip(sure, right, strict=True))
        by_clip[clip.path.name] = float(np.mean(right))
        kinds.setdefault(clip.kind, []).append((by_clip[clip.path.name], float(np.mean(unsure))))
    return {
        "kinds": {
            kind: {
                "clips": len(shares),
                "plausible": float(np.mean([right for right, _ in shares])),
                "unsure": float(np.mean([unsure for _, unsure in shares])),
            }
            for kind, shares in sorted(kinds.items())
        },
        "sure_rows": n_sure,
        "sure_wrong": n_wrong / max(1, n_sure),
        "clips": by_clip,
    }


def rows_of(estimates: Iterable[Estimate]) -> list[Row]:
    """The rows of a clip's estimates, without its summary."""
    return [
        Row(estimate.t_s, estimate.label, estimate.confidence)
        for estimate in estimates
        if not isinstance(estimate, FileSummary)
    ]


def strangers(options: StrangersOptions, console: Console | None = None) -> int:
    """Run the command.

    Raises:
        EmoliveError: the checkpoint or the folder cannot be used.
    """
    console = console or Console(soft_wrap=True)
    clips = read_truth(options.folder)
    predictor = load_predictor(options.fusion, options.checkpoint)
    rows: dict[str, list[Row]] = {}
    with FileAnalyzer(predictor, baseline=options.baseline) as analyzer:
        for clip in clips:
            try:
                rows[clip.path.name] = rows_of(analyzer.analyze(clip.path))
            except MediaError as error:
                console.print(str(error), style="yellow", markup=False)
    results = score(clips, rows)
    _print(console, f"{predictor.spec.fusion}, baseline {options.baseline}", results)
    if options.disturbed:
        results["disturbed"] = _disturbed(
            predictor, [clip for clip in clips if clip.path.name in rows], options.baseline
        )
        _print_disturbed(console, results["disturbed"])
    if options.json is not None:
        with atomic_write(options.json) as part:
            part.write_text(json.dumps(results, indent=1) + "\n")
    return 0


def same_labels(rows: Iterable[Row], others: Iterable[Row]) -> float | None:
    """The share of rows whose label the other rows have at the same time; None without common times."""
    labels = {round(row.t_s, 2): row.label for row in others}
    same = [labels[t_s] == row.label for row in rows if (t_s := round(row.t_s, 2)) in labels]
    return float(np.mean(same)) if same else None


def _disturbed(
    predictor: Predictor, clips: Iterable[StrangerClip], baseline: str
) -> dict[str, dict[str, float]]:
    """By disturbance: the share of rows with the label of an undisturbed copy, and what is still plausible.

    The copies are encoded anew, which changes some labels too: so they are compared with each other.
    """
    clips = list(clips)
    spoken = [clip for clip in clips if probe(clip.path).has_audio]
    table: dict[str, dict[str, float]] = {}
    with FileAnalyzer(predictor, baseline=baseline) as analyzer:
        references = {clip.path.name: _rows_of_copy(analyzer, clip, UNDISTURBED) for clip in clips}
        for disturbance in disturbances():
            tried = spoken if disturbance.is_of_sound else clips
            answers = {clip.path.name: _rows_of_copy(analyzer, clip, disturbance) for clip in tried}
            # No common times: nothing to read is another answer than that of the reference.
            same = [same_labels(references[name], rows) or 0.0 for name, rows in answers.items()]
            plausible = [kind["plausible"] for kind in score(tried, answers)["kinds"].values()]
            table[disturbance.name] = {
                "clips": len(same),
                "same": float(np.mean(same)) if same else 0.0,
                "plausible": float(np.mean(plausible)) if plausible else 0.0,
            }
    return table


def _rows_of_copy(analyzer: FileAnalyzer, clip: StrangerClip, disturbance: Disturbance) -> list[Row]:
    """The rows of a disturbed copy of a clip; none if nothing can be read in it."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.mkv"
        write_copy(clip.path, copy, disturbance)
        try:
            return rows_of(analyzer.analyze(copy))
        except MediaError:
            return []


def _print_disturbed(console: Console, results: Mapping[str, Mapping[str, float]]) -> None:
    table = Table(title="copies under other conditions")
    for heading in ("condition", "clips", "same label", "plausible"):
        table.add_column(heading, justify="left" if heading == "condition" else "right")
    for name, row in results.items():
        table.add_row(name, str(row["clips"]), f"{row['same']:.2f}", f"{row['plausible']:.2f}")
    console.print(table)


def _print(console: Console, title: str, results: dict[str, Any]) -> None:
    table = Table(title=title)
    for heading in ("kind", "clips", "plausible", "unsure"):
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    for kind, shares in results["kinds"].items():
        table.add_row(kind, str(shares["clips"]), f"{shares['plausible']:.2f}", f"{shares['unsure']:.2f}")
    console.print(table)
    console.print(
        f"sure (> {SURE}) rows {results['sure_rows']}, wrong {results['sure_wrong']:.2f}", highlight=False
    )
