"""Cross-validation over corpora: one is held out at a time, and scored over the labels that it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from emolive.models.learned import NEVER
from emolive.types import MODALITIES
from training.batches import IntArray, possible_labels
from training.report import COLUMNS, percent
from training.window_dataset import WindowDataset

CORPORA, POSSIBLE = "corpora", "possible"

Arrays = dict[str, NDArray[Any]]
"""Contents of a fold's `heldout.npz`."""


def corpus_arrays(dataset: WindowDataset, clips: IntArray, labels: Sequence[str]) -> Arrays:
    """What a fold stores about the corpora of its held-out clips."""
    return {
        CORPORA: np.array([dataset.items[int(clip)].corpus for clip in clips], str),
        POSSIBLE: possible_labels(dataset, labels)[clips],
    }


def without_impossible(fold: Arrays) -> Arrays:
    """A fold whose logits are `NEVER` for the labels that the corpus of a clip lacks.

    What is calm in one corpus may be called neutral in another: an answer that a corpus cannot confirm is
    neither right nor wrong.
    """
    possible = fold[POSSIBLE]
    return {
        name: np.where(possible, values, np.float32(NEVER)) if "/" in name else values
        for name, values in fold.items()
    }


def corpora_of(folds: Sequence[Arrays]) -> NDArray[np.str_]:
    """(n,) the corpus of each held-out clip."""
    return np.concatenate([fold[CORPORA] for fold in folds])


def print_corpora(console: Console, results: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """UAR in percent of each corpus, by the last normalization mode and by modality.

    Args:
        console: for the table.
        results: corpus → mode → modality → results.
    """
    table = Table(title="each corpus by a network of the others")
    for column in ("corpus", "clips", "labels", "baseline"):
        table.add_column(column)
    for modality in MODALITIES:
        table.add_column(f"{COLUMNS[modality]}\nUAR", justify="right", no_wrap=True)
    for corpus, by_mode in results.items():
        for mode, by_modality in by_mode.items():
            any_result = next(iter(by_modality.values()))
            labels = sum(recall is not None for recall in any_result["per_class_recall"].values())
            cells = [
                percent(by_modality[modality]["uar"]) if modality in by_modality else "-"
                for modality in MODALITIES
            ]
            table.add_row(corpus, str(any_result["n"]), str(labels), mode, *cells)
    console.print(table)
