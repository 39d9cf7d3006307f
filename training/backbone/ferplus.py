"""What ten raters said of a face, as FER+ counts it.

Barsoum, Zhang, Canton Ferrer and Zhang, "Training deep networks for facial expression recognition with
crowd-sourced label distribution", ICMI 2016.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LABELS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
COLUMNS = (*LABELS, "unknown", "NF")
"""Of the votes; NF: not a face."""
LEFT_OUT = -1

Votes = NDArray[np.int64]


def without_outliers(votes: Votes) -> Votes:
    """(n, 10) votes without those that one rater alone gave (sec. 3)."""
    return np.where(votes > 1, votes, 0)


def majority(votes: Votes) -> NDArray[np.int64]:
    """(n, 10) → (n,) the class with the most votes.

    `LEFT_OUT` where unknown or not-a-face has the most, and where the most votes are tied.
    """
    kept = without_outliers(votes)
    most = kept.max(axis=1)
    best = kept.argmax(axis=1)
    tied = (kept == most[:, None]).sum(axis=1) > 1
    return np.where(tied | (best >= len(LABELS)), LEFT_OUT, best).astype(np.int64)


def over_half(votes: Votes) -> NDArray[np.bool_]:
    """(n, 10) → (n,) whether the winner has more than half of the votes that are left.

    The authors' published code counts these faces alone.
    """
    kept = without_outliers(votes)
    return np.asarray((majority(votes) != LEFT_OUT) & (2 * kept.max(axis=1) > kept.sum(axis=1)))


def distribution(votes: Votes) -> NDArray[np.float32]:
    """(n, 10) → (n, 8) share of each class among the votes for a class (sec. 4, "probabilistic").

    A row of zeros where unknown or not-a-face has at least as many votes as every class: such a face has
    no place in training. Tied classes have.
    """
    kept = without_outliers(votes)
    classes = kept[:, : len(LABELS)]
    good = classes.max(axis=1) > kept[:, len(LABELS) :].max(axis=1)
    total = np.maximum(classes.sum(axis=1, keepdims=True), 1)
    return np.asarray(np.where(good[:, None], classes / total, 0), np.float32)
