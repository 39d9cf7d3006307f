"""The protocol of FER+: from the votes of ten raters to labels.

Barsoum, Zhang, Canton Ferrer and Zhang, "Training deep networks for facial expression recognition with
crowd-sourced label distribution", ICMI 2016.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LABELS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
COLUMNS = (*LABELS, "unknown", "NF")
"""Columns of the votes; NF: not a face."""
EXCLUDED = -1
"""In place of the class of a face that is not counted."""

Votes = NDArray[np.int64]


def remove_outliers(votes: Votes) -> Votes:
    """(n, 10) votes without those that only one rater gave (sec. 3)."""
    return np.where(votes > 1, votes, 0)


def majority(votes: Votes) -> NDArray[np.int64]:
    """(n, 10) → (n,) the class with the most votes.

    `EXCLUDED` where unknown or not-a-face has the most, and where the most votes are tied.
    """
    votes = remove_outliers(votes)
    most = votes.max(axis=1)
    best = votes.argmax(axis=1)
    is_tied = (votes == most[:, None]).sum(axis=1) > 1
    return np.where(is_tied | (best >= len(LABELS)), EXCLUDED, best).astype(np.int64)


def over_half(votes: Votes) -> NDArray[np.bool_]:
    """(n, 10) → (n,) whether the majority has more than half of the votes without outliers.

    The authors' published code counts these faces alone.
    """
    remaining = remove_outliers(votes)
    return np.asarray((majority(votes) != EXCLUDED) & (2 * remaining.max(axis=1) > remaining.sum(axis=1)))


def distribution(votes: Votes) -> NDArray[np.float32]:
    """(n, 10) → (n, 8) share of each class among the votes for a class (sec. 4, "probabilistic").

    A row of zeros where unknown or not-a-face has at least as many votes as every class: such a face is not
    trained on. Faces with tied classes are.
    """
    votes = remove_outliers(votes)
    classes = votes[:, : len(LABELS)]
    is_usable = classes.max(axis=1) > votes[:, len(LABELS) :].max(axis=1)
    total = np.maximum(classes.sum(axis=1, keepdims=True), 1)
    return np.asarray(np.where(is_usable[:, None], classes / total, 0), np.float32)
