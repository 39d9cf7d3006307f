"""Soft targets from other models beside the labels (distillation, Hinton, Vinyals and Dean 2015).

Where a clip lies between classes, a teacher's posterior carries more information than the label. A teacher
that was trained on a clip's actor has memorised the label; its posteriors should come from folds that held
the actor out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emolive.errors import ConfigError
from preprocessing.annotations import ClipEntry
from preprocessing.csv_table import read_rows

ID_COLUMNS = ("id", "trial")
STREAMS = ("face", "voice")
"""Prefixes of the columns of a table of soft targets."""


@dataclass(frozen=True, slots=True)
class SoftTargets:
    """Posteriors of a teacher for each stream, and their weights."""

    video: NDArray[np.float32]
    """(N, classes); a row of NaN where the teacher has none."""
    audio: NDArray[np.float32]
    """(N, classes)"""
    video_share: float
    """Share of the posterior in the target of the video alone; the label has the rest."""
    audio_share: float
    """Share in the target of the audio alone."""
    joint_share: float
    """Share of the mean of both posteriors in the target of both streams."""


def read_posteriors(
    path: Path, items: Sequence[ClipEntry], labels: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The posteriors in a table for some clips.

    Args:
        path: CSV with a column `id` (or `trial`) and columns `face_LABEL` and `voice_LABEL`. An id is that of
            a clip, or its suffix after the first hyphen: RAVDESS's trial without the modality.
        items: N clips.
        labels: the classes.

    Returns:
        (N, classes) of the video and of the audio; each row sums to 1, or is NaN where the table has none.

    Raises:
        ConfigError: the file cannot be read, lacks a class or does not know any of the clips.
    """
    rows = [row for _, row in read_rows(path, (), "The soft targets")]
    columns = list(rows[0]) if rows else []
    key = next((name for name in ID_COLUMNS if name in columns), None)
    missing = [
        name
        for name in (f"{stream}_{label}" for stream in STREAMS for label in labels)
        if name not in columns
    ]
    if key is None or missing:
        raise ConfigError(f"The soft targets {path} lack the column {missing[0] if missing else 'id'}.")
    by_id = {str(row[key]): row for row in rows}
    posteriors = {stream: np.full((len(items), len(labels)), np.nan, np.float32) for stream in STREAMS}
    for i, item in enumerate(items):
        row = by_id.get(item.id) or by_id.get(item.id.partition("-")[2])
        if row is None:
            continue
        for stream in STREAMS:
            try:
                values = np.array([float(row[f"{stream}_{label}"]) for label in labels])
            except (TypeError, ValueError) as error:
                raise ConfigError(f"The soft targets of {item.id} in {path} are not numbers.") from error
            if not (np.isfinite(values).all() and values.min() >= 0 and values.sum() > 0):
                raise ConfigError(f"The soft targets of {item.id} in {path} are not probabilities.")
            posteriors[stream][i] = values / values.sum()
    if all(np.isnan(values).all() for values in posteriors.values()):
        raise ConfigError(f"The soft targets {path} do not contain any of the clips.")
    return posteriors["face"], posteriors["voice"]


def make_targets(classes: NDArray[np.int64], n_classes: int, soft: SoftTargets | None) -> Tensor:
    """(N,) class indices → (N, 3, n_classes) targets of both streams, the video alone and the audio alone."""
    hard = torch.nn.functional.one_hot(torch.from_numpy(classes), n_classes).float()
    if soft is None:
        return hard[:, None].expand(-1, 3, -1)
    video, audio = torch.from_numpy(soft.video), torch.from_numpy(soft.audio)
    targets = []
    for posterior, share in (
        ((video + audio) / 2, soft.joint_share),
        (video, soft.video_share),
        (audio, soft.audio_share),
    ):
        has_posterior = ~posterior.isnan().any(dim=1, keepdim=True)
        targets.append(torch.where(has_posterior, (1 - share) * hard + share * posterior, hard))
    return torch.stack(targets, dim=1)
