"""A checkpoint with one stream missing or replaced by noise (Chumachenko et al. 2022, tables 2 and 3)."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from emolive.types import Modality
from training import metrics
from training.evaluate.clips import ClipEvaluation
from training.predict import Noise
from training.report import percent

CONDITIONS: tuple[tuple[str, Modality, Noise], ...] = (
    ("both", Modality.AV, ""),
    ("audio only", Modality.AUDIO, ""),
    ("video only", Modality.VIDEO, ""),
    ("noise for audio", Modality.AV, "a"),
    ("noise for video", Modality.AV, "v"),
)


def evaluate_robustness(evaluation: ClipEvaluation, console: Console) -> dict[str, dict[str, float]]:
    """Accuracy and UAR in each condition that the model learned, also printed as a table."""
    table = Table(title=f"With a stream missing or replaced (baseline {evaluation.baseline})")
    table.add_column("input")
    table.add_column("top-1, %", justify="right")
    table.add_column("UAR, %", justify="right")
    results = {}
    for name, modality, noise in CONDITIONS:
        if modality not in evaluation.checkpoint.spec.modalities:
            table.add_row(name, "-", "-")
            continue
        probs = evaluation.probs(modality, noise)
        top1 = metrics.accuracy(evaluation.truth, probs)
        uar = metrics.unweighted_average_recall(evaluation.truth, probs)
        results[name] = {"top1": top1, "uar": uar}
        table.add_row(name, percent(top1), percent(uar))
    console.print(table)
    return results
