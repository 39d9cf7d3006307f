"""`emolive-evaluate`: how right a checkpoint is on annotated clips, read as `emolive analyze` reads them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from emolive import paths as settings
from emolive.atomic_io import atomic_write
from emolive.errors import EmoliveError
from emolive.models.io import checkpoint
from emolive.models.io.checkpoint import Checkpoint
from emolive.predictor import load_global_stats
from emolive.types import MODALITIES, Modality
from preprocessing import annotations as annotation_files
from preprocessing.annotations import Annotations
from preprocessing.splits import normalize_actor_id
from training import metrics
from training import plots as pictures
from training import scoring as assess
from training import window_dataset as windows
from training.batches import IntArray, targets
from training.normalizer_sampler import GlobalStatsPair
from training.predict import inputs, logits
from training.progress import Bar
from training.report import percent
from training.window_dataset import WindowDataset

ROBUSTNESS: tuple[tuple[str, Modality, str], ...] = (
    ("both", "av", ""),
    ("audio only", "a", ""),
    ("video only", "v", ""),
    ("noise for audio", "av", "a"),
    ("noise for video", "av", "v"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """What to evaluate on, and how."""

    annotations: Path
    split: str = ""
    modality: Modality = "av"
    baseline: str = "running"
    allow_outside: bool = False
    skip_faults: bool = False
    cache: Path | None = None
    workers: int = 0


class Evaluation:
    """One checkpoint and the clips that it is asked about.

    Raises:
        EmoliveError: a clip cannot be read, or has a label that the model does not know.
    """

    def __init__(self, given: Checkpoint, request: Request, console: Console) -> None:
        self.checkpoint, self.request = given, request
        found, wanted = _clips(request)
        with Bar(console, "Reading", "clips") as bar:
            self.windows: WindowDataset = windows.cut(
                found,
                given.spec,
                cache=request.cache or settings.user_dir() / "windows",
                shifts_s=(0.0,),
                net=given.net,
                skip_faults=request.skip_faults,
                workers=request.workers,
                bar=bar,
            )
        for sentence in self.windows.failed:
            console.print(sentence, style="yellow", markup=False)
        self.known = GlobalStatsPair(*load_global_stats(given.net))
        asked = np.array([i for i, item in enumerate(self.windows.items) if item.id in wanted], np.int64)
        self.clips: IntArray = assess.scored_clips(self.windows, asked)
        if not len(self.clips):
            raise EmoliveError("No clip is left to score: all of them stand for a neutral calibration.")
        self.truth: IntArray = targets(self.windows, given.spec.labels)[self.clips]
        self.actors = [normalize_actor_id(self.windows.items[int(i)].actor) for i in self.clips]
        self.baseline = request.baseline if given.spec.baselines else "none"

    def probs(self, modality: Modality, noise: str = "") -> NDArray[np.float64]:
        """(n, classes) calibrated; equal for all classes where nothing can be read."""
        spec = self.checkpoint.spec
        drawn = assess.baselines_of(self.windows, self.clips, self.baseline, self.known, spec)
        given = inputs(self.windows, self.clips.tolist(), drawn, spec, modality=modality, noise=noise)
        raw = logits(self.checkpoint.net, given)
        return metrics.softmax(raw, float(self.checkpoint.net.temperature[MODALITIES.index(modality)]))

    def result(self, probs: NDArray[np.float64]) -> dict[str, Any]:
        """What `--json` writes: shares from 0 to 1, and top-1 and top-5 in percent beside them."""
        labels = self.checkpoint.spec.labels
        figures = assess.figures(self.truth, self.actors, probs, labels)
        return {
            "checkpoint": str(self.checkpoint.path),
            "fusion": self.checkpoint.spec.fusion,
            "annotations": str(self.request.annotations),
            "split": self.request.split,
            "baseline": self.baseline,
            "modality": self.request.modality,
            "labels": list(labels),
            **figures,
            "top1_percent": 100 * figures["top1"],
            "top5_percent": 100 * figures["top5"],
            "failed": list(self.windows.failed),
            "rows": [
                {
                    "id": self.windows.items[int(clip)].id,
                    "label": self.windows.items[int(clip)].label,
                    "probs": dict(zip(labels, map(float, row), strict=True)),
                }
                for clip, row in zip(self.clips, probs, strict=True)
            ],
        }


def _clips(request: Request) -> tuple[Annotations, set[str]]:
    """All clips of the persons in the split, since baselines draw on them, and the ids that count."""
    found = annotation_files.read(request.annotations, allow_outside=request.allow_outside)
    asked = found.of(request.split) if request.split else found
    persons = {normalize_actor_id(item.actor) for item in asked.items if item.actor}
    wanted = {item.id for item in asked.items}
    kept = tuple(
        i for i in found.items if i.id in wanted or (i.actor and normalize_actor_id(i.actor) in persons)
    )
    return Annotations(kept, found.root), wanted


def evaluate(
    path: Path,
    request: Request,
    console: Console,
    *,
    fusion: str | None = None,
    json_path: Path | None = None,
    picture_folder: Path | None = None,
    robustness: bool = False,
) -> None:
    """Run `emolive-evaluate`. EmoliveError says what does not fit."""
    run = Evaluation(checkpoint.load(path, fusion=fusion), request, console)
    probs = run.probs(request.modality)
    result = run.result(probs)
    _tell(console, result)
    if robustness:
        result["robustness"] = _robustness(run, console)
    if json_path is not None:
        with atomic_write(json_path) as part:
            part.write_text(json.dumps(result, indent=1) + "\n")
    if picture_folder is not None:
        picture_folder.mkdir(parents=True, exist_ok=True)
        title = f"{result['fusion']}, baseline {run.baseline}, {request.modality}"
        counts = np.array(result["confusion"])
        pictures.confusion(picture_folder / "confusion.png", counts, run.checkpoint.spec.labels, title)
        pictures.reliability(picture_folder / "reliability.png", run.truth, probs, title)
        pictures.actors(picture_folder / "actors.png", result["per_actor_top1"], title)


def _tell(console: Console, result: dict[str, Any]) -> None:
    table = Table(title=f"{result['fusion']}, baseline {result['baseline']}, {result['modality']}")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("95 % over actors", justify="right")
    for name, key in (("top-1, %", "top1"), ("UAR, %", "uar")):
        low, high = result[f"{key}_interval"]
        table.add_row(name, percent(result[key]), f"{percent(low)} to {percent(high)}")
    table.add_row("top-5, %", percent(result["top5"]), "")
    table.add_row("ECE", f"{result['ece']:.3f}", "")
    table.add_row("clips", str(result["n"]), "")
    for label, share in result["per_class_recall"].items():
        table.add_row(f"recall of {label}, %", "-" if share is None else percent(share), "")
    console.print(table)


def _robustness(run: Evaluation, console: Console) -> dict[str, dict[str, float]]:
    table = Table(title=f"What is left when a stream fails (baseline {run.baseline})")
    table.add_column("input")
    table.add_column("top-1, %", justify="right")
    table.add_column("UAR, %", justify="right")
    found = {}
    for name, modality, noise in ROBUSTNESS:
        probs = run.probs(modality, noise)
        top1, uar = metrics.top_k(run.truth, probs, 1), metrics.uar(run.truth, probs)
        found[name] = {"top1": top1, "uar": uar}
        table.add_row(name, percent(top1), percent(uar))
    console.print(table)
    return found


def compare(paths: Sequence[Path], request: Request, console: Console, json_path: Path | None = None) -> None:
    """Checkpoints side by side on the same clips, each against the first by McNemar's test."""
    if len(paths) < 2:
        raise EmoliveError("compare wants two checkpoints at least.")
    runs = [Evaluation(checkpoint.load(path), request, console) for path in paths]
    first = runs[0]
    if any(run.checkpoint.spec.labels != first.checkpoint.spec.labels for run in runs):
        raise EmoliveError("The checkpoints know different labels, so they cannot be compared.")
    table = Table(title=f"Same clips, baseline {request.baseline}, {request.modality}")
    for column in ("checkpoint", "fusion", "top-1, %", "UAR, %", "ECE", "p against the first"):
        table.add_column(column)
    rows = []
    right_first = first.probs(request.modality).argmax(axis=1) == first.truth
    for run in runs:
        probs = run.probs(request.modality)
        result = run.result(probs)
        p = None if run is first else metrics.mcnemar(right_first, probs.argmax(axis=1) == run.truth)
        rows.append({k: result[k] for k in ("checkpoint", "fusion", "baseline", "n", "top1", "uar", "ece")})
        rows[-1]["p_against_first"] = p
        cells = [percent(result["top1"]), percent(result["uar"]), f"{result['ece']:.3f}"]
        table.add_row(str(run.checkpoint.path), result["fusion"], *cells, "" if p is None else f"{p:.3g}")
    console.print(table)
    if json_path is not None:
        with atomic_write(json_path) as part:
            part.write_text(json.dumps(rows, indent=1) + "\n")
