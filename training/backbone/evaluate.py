"""`emolive-evaluate ferplus`: how right a pixel trunk is on the faces of FER+."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from emolive.atomic_io import atomic_write
from emolive.models.io import checkpoint
from emolive.models.io.backbone import FaceClassifier, is_backbone_file, load_backbone
from training import metrics
from training.backbone import ferplus as votes
from training.backbone import metrics as score
from training.backbone.dataset import Faces, read_ferplus
from training.progress import Bar
from training.report import percent


def load(path: Path) -> FaceClassifier:
    """The face classifier in a trunk file, or the one that travels with a full checkpoint.

    Raises:
        EmoliveError: there is none, or the file cannot be used.
    """
    if is_backbone_file(path):
        return load_backbone(path).net
    return FaceClassifier.of_checkpoint(checkpoint.load(path))


def ferplus(path: Path, checkpoint_path: Path, console: Console, json_path: Path | None = None) -> None:
    """Evaluate on every split that is there, show a table and write the figures.

    Figures of the whole stand at the top of the JSON file, those of each split under `splits`.

    Raises:
        EmoliveError: the faces or the checkpoint cannot be used, or the file cannot be written.
    """
    net = load(checkpoint_path)
    score.columns(net.labels)
    with Bar(console, "Reading faces", "faces") as bar:
        bar.start(0)
        data = read_ferplus(path, net.pixels.size, step=bar.advance)
    found: dict[str, dict[str, Any]] = {}
    answers = []
    with Bar(console, "Naming faces", "faces") as bar:
        bar.start(sum(len(faces) for faces in data.splits.values()))
        for split, faces in data.splits.items():
            answers.append(score.as_ferplus(score.logits(net, faces, bar.advance), net.labels))
            found[split] = score.figures(faces, answers[-1], votes.LABELS)
    every = _joined(list(data.splits.values()))
    total = score.figures(every, np.concatenate(answers), votes.LABELS)
    _show(console, {**found, **({"all": total} if len(found) > 1 else {})})
    if json_path is not None:
        counted = every.classes != votes.LEFT_OUT
        probs = metrics.softmax(np.concatenate(answers))[counted]
        names = [name for name, counts in zip(every.names, counted, strict=True) if counts]
        rows = [
            {
                "id": name,
                "label": votes.LABELS[truth],
                "probs": dict(zip(votes.LABELS, map(float, p), strict=True)),
            }
            for name, truth, p in zip(names, every.classes[counted], probs, strict=True)
        ]
        told = {"checkpoint": str(checkpoint_path), **total, "splits": found, "rows": rows}
        with atomic_write(json_path) as part:
            part.write_text(json.dumps(told, indent=1) + "\n")


def _joined(parts: list[Faces]) -> Faces:
    """The faces of several splits, without their pictures."""
    nothing = np.zeros((0, 0, 0), np.uint8)
    return Faces(
        nothing,
        np.concatenate([p.targets for p in parts]),
        np.concatenate([p.classes for p in parts]),
        np.concatenate([p.sure for p in parts]),
        tuple(name for p in parts for name in p.names),
    )


def _show(console: Console, found: dict[str, dict[str, Any]]) -> None:
    table = Table(title="FER+ by majority vote, percent")
    table.add_column("")
    for split in found:
        table.add_column(split, justify="right")
    rows = {
        "faces": [str(one["n"]) for one in found.values()],
        "top-1": [percent(one["top1"]) for one in found.values()],
        "top-1 where over half agree": [percent(one["over_half"]["top1"]) for one in found.values()],
        "UAR": [percent(one["uar"]) for one in found.values()],
        "ECE": [f"{one['ece']:.3f}" for one in found.values()],
    }
    for label in votes.LABELS:
        recalls = [one["per_class_recall"][label] for one in found.values()]
        rows[label] = ["" if share is None else percent(share) for share in recalls]
    for name, cells in rows.items():
        table.add_row(name, *cells)
    console.print(table)
