"""Soft targets from other models: what they said of the same clips, beside the labels.

Distillation (Hinton, Vinyals and Dean 2015): where a clip lies between classes, a teacher's posterior
says more of it than its label. A teacher that has heard a clip's actor knows the label by heart; posteriors
should come from folds in which that actor was held out.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emolive.errors import EmoliveError
from preprocessing.annotations import ClipEntry

KEYS = ("id", "trial")
STREAMS = ("face", "voice")


@dataclass(frozen=True, slots=True)
class SoftTargets:
    """Posteriors of a teacher for each stream, and how much they count."""

    face: NDArray[np.float32]
    """(N, classes); a row of NaN where the teacher is silent."""
    voice: NDArray[np.float32]
    """(N, classes)"""
    share_face: float
    """Of the target of the face alone; the label keeps the rest."""
    share_voice: float
    """Of the target of the voice alone."""
    share_both: float
    """Of the target of both streams: the mean of the two."""


def read(path: Path, items: tuple[ClipEntry, ...], labels: tuple[str, ...]) -> dict[str, NDArray[np.float32]]:
    """The posteriors of a table for some clips.

    Args:
        path: CSV with a column `id` (or `trial`) and columns `face_LABEL` and `voice_LABEL`. An id is that
            of a clip, or its end behind a hyphen, as RAVDESS's trials are without their modality.
        items: the clips.
        labels: the classes; a table that lacks one of them does not fit.

    Returns:
        "face" and "voice": (N, classes), each row summing to 1, or NaN where the table has nothing.

    Raises:
        EmoliveError: the file cannot be read, or does not fit.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or ())
            rows: list[dict[str, Any]] = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EmoliveError(f"The soft targets {path} cannot be read: {error}.") from error
    key = next((name for name in KEYS if name in columns), None)
    wanted = [f"{stream}_{label}" for stream in STREAMS for label in labels]
    missing = [name for name in wanted if name not in columns]
    if key is None or missing:
        raise EmoliveError(f"The soft targets {path} lack the column {missing[0] if missing else 'id'}.")
    by_id = {str(row[key]): row for row in rows}
    found = {stream: np.full((len(items), len(labels)), np.nan, np.float32) for stream in STREAMS}
    for i, item in enumerate(items):
        row = by_id.get(item.id) or by_id.get(item.id.partition("-")[2])
        if row is None:
            continue
        for stream in STREAMS:
            try:
                values = np.array([float(row[f"{stream}_{label}"]) for label in labels])
            except (TypeError, ValueError) as error:
                raise EmoliveError(f"The soft targets of {item.id} in {path} are not numbers.") from error
            if not (np.isfinite(values).all() and values.min() >= 0 and values.sum() > 0):
                raise EmoliveError(f"The soft targets of {item.id} in {path} are no probabilities.")
            found[stream][i] = values / values.sum()
    if all(np.isnan(values).all() for values in found.values()):
        raise EmoliveError(f"The soft targets {path} know none of the clips.")
    return found


def soft_targets(truth: NDArray[np.int64], classes: int, soft_labels: SoftTargets | None) -> Tensor:
    """(N,) classes → (N, 3, classes) targets for both streams, the face alone and the voice alone."""
    sure = torch.nn.functional.one_hot(torch.from_numpy(truth), classes).float()
    if soft_labels is None:
        return sure[:, None].expand(-1, 3, -1)
    face, voice = torch.from_numpy(soft_labels.face), torch.from_numpy(soft_labels.voice)
    parts = []
    for posterior, share in (
        ((face + voice) / 2, soft_labels.share_both),
        (face, soft_labels.share_face),
        (voice, soft_labels.share_voice),
    ):
        known = ~posterior.isnan().any(dim=1, keepdim=True)
        parts.append(torch.where(known, (1 - share) * sure + share * posterior, sure))
    return torch.stack(parts, dim=1)
