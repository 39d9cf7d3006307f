"""`emolive-evaluate ferplus`: a face encoder on FER+, by the majority of the raters' votes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from emolive.atomic_io import atomic_write
from emolive.models.io import checkpoint
from emolive.models.io.backbone import FaceClassifier, is_backbone_file, load_backbone
from preprocessing.progress import ProgressBar
from training import metrics
from training.backbone import ferplus as protocol
from training.backbone.dataset import Faces, read_ferplus
from training.backbone.metrics import ferplus_columns, predict_logits, summarize, to_ferplus
from training.evaluate.options import FerplusOptions
from training.malloc import keep_memory
from training.report import percent


def ferplus(options: FerplusOptions, console: Console | None = None) -> int:
    """Evaluate on every available split, print a table and write the results.

    Results over all splits are at the top level of the JSON file, those of each split under `splits`.

    Raises:
        EmoliveError: the faces or the checkpoint cannot be used, or the file cannot be written.
    """
    console = console or Console(soft_wrap=True)
    keep_memory()
    torch.set_num_threads(options.threads)
    net = load_classifier(options.checkpoint)
    ferplus_columns(net.labels)
    with ProgressBar(console, "Reading faces", "faces") as bar:
        bar.start(None)
        data = read_ferplus(options.path, net.pixels.size, on_image=bar.advance)
    by_split: dict[str, dict[str, Any]] = {}
    logits = []
    with ProgressBar(console, "Classifying faces", "faces") as bar:
        bar.start(sum(len(faces) for faces in data.splits.values()))
        for split, faces in data.splits.items():
            logits.append(to_ferplus(predict_logits(net, faces, bar.advance), net.labels))
            by_split[split] = summarize(faces, logits[-1], protocol.LABELS)
    faces, all_logits = _without_images(list(data.splits.values())), np.concatenate(logits)
    total = summarize(faces, all_logits, protocol.LABELS)
    _print(console, {**by_split, **({"all": total} if len(by_split) > 1 else {})})
    if options.json is not None:
        content = {
            "checkpoint": str(options.checkpoint),
            **total,
            "splits": by_split,
            "rows": _rows(faces, all_logits),
        }
        with atomic_write(options.json) as part:
            part.write_text(json.dumps(content, indent=1) + "\n")
    return 0


def load_classifier(path: Path) -> FaceClassifier:
    """The face classifier in a backbone file, or the one that is stored in a full checkpoint.

    Raises:
        CheckpointError: there is none, or the file cannot be used.
    """
    if is_backbone_file(path):
        return load_backbone(path).net
    return FaceClassifier.of_checkpoint(checkpoint.load(path))


def _without_images(splits: list[Faces]) -> Faces:
    """The faces of several splits, without their images."""
    return Faces(
        np.zeros((0, 0, 0), np.uint8),
        np.concatenate([split.targets for split in splits]),
        np.concatenate([split.classes for split in splits]),
        np.concatenate([split.has_majority for split in splits]),
        tuple(name for split in splits for name in split.names),
    )


def _rows(faces: Faces, logits: np.ndarray[Any, np.dtype[np.float32]]) -> list[dict[str, Any]]:
    counted = faces.classes != protocol.EXCLUDED
    probs = metrics.softmax(logits[counted])
    names = [name for name, counts in zip(faces.names, counted, strict=True) if counts]
    return [
        {
            "id": name,
            "label": protocol.LABELS[truth],
            "probs": dict(zip(protocol.LABELS, map(float, row), strict=True)),
        }
        for name, truth, row in zip(names, faces.classes[counted], probs, strict=True)
    ]


def _print(console: Console, by_split: dict[str, dict[str, Any]]) -> None:
    table = Table(title="FER+ by majority vote, percent")
    table.add_column("")
    for split in by_split:
        table.add_column(split, justify="right")
    summaries = by_split.values()
    rows = {
        "faces": [str(s["n"]) for s in summaries],
        "top-1": [percent(s["top1"]) for s in summaries],
        "top-1 where over half agree": [percent(s["over_half"]["top1"]) for s in summaries],
        "UAR": [percent(s["uar"]) for s in summaries],
        "ECE": [f"{s['ece']:.3f}" for s in summaries],
    }
    for label in protocol.LABELS:
        recalls = [s["per_class_recall"][label] for s in summaries]
        rows[label] = ["" if share is None else percent(share) for share in recalls]
    for name, cells in rows.items():
        table.add_row(name, *cells)
    console.print(table)
