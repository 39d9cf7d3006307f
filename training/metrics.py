"""Figures of merit of a classifier, and how certain they are.

Accuracy, recall, confusion matrix and calibration error are torchmetrics'. Others are implemented here:
intervals by bootstrap over actors, McNemar's test, temperature scaling and the bins of a reliability diagram.

Shapes: `truth` is (n,) class indices, `probs` is (n, classes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_calibration_error,
    multiclass_confusion_matrix,
    multiclass_recall,
)

Probs = NDArray[np.floating]
Labels = NDArray[np.int64]

CALIBRATION_BINS = 15
BOOTSTRAP_ROUNDS = 1000


def confusion_matrix(truth: Labels, probs: Probs) -> NDArray[np.int64]:
    """(classes, classes) counts: row = true class, column = most probable class."""
    counts = multiclass_confusion_matrix(
        _predicted(probs), torch.from_numpy(truth), probs.shape[1], validate_args=False
    )
    return np.asarray(counts.numpy(), np.int64)


def class_recalls(truth: Labels, probs: Probs) -> NDArray[np.float64]:
    """(classes,) recall of each class; NaN for a class without samples."""
    classes = probs.shape[1]
    recalls = multiclass_recall(
        _predicted(probs), torch.from_numpy(truth), classes, average="none", validate_args=False
    )
    support = np.bincount(truth, minlength=classes)
    return np.where(support > 0, recalls.double().numpy(), np.nan)


def unweighted_average_recall(truth: Labels, probs: Probs) -> float:
    """Mean recall over the classes that have samples (UAR, Schuller et al. 2009); NaN for no samples.

    The macro average of torchmetrics also counts a class that is predicted but has no samples.
    """
    return float(np.nanmean(class_recalls(truth, probs))) if len(truth) else float("nan")


def accuracy(truth: Labels, probs: Probs, top_k: int = 1) -> float:
    """Share of samples whose class is among the `top_k` most probable; NaN for no samples."""
    if not len(truth):
        return float("nan")
    predicted = _predicted(probs) if top_k == 1 else torch.from_numpy(np.ascontiguousarray(probs))
    value = multiclass_accuracy(
        predicted,
        torch.from_numpy(truth),
        probs.shape[1],
        average="micro",
        top_k=min(top_k, probs.shape[1]),
        validate_args=False,
    )
    return float(value)


def calibration_error(truth: Labels, probs: Probs, bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error over equal bins of confidence (ECE, Guo et al. 2017, eq. 3)."""
    if not len(truth):
        return float("nan")
    value = multiclass_calibration_error(
        torch.from_numpy(np.ascontiguousarray(probs)),
        torch.from_numpy(truth),
        probs.shape[1],
        n_bins=bins,
        norm="l1",
        validate_args=False,
    )
    return float(value)


def reliability_bins(
    truth: Labels, probs: Probs, bins: int = CALIBRATION_BINS
) -> list[tuple[float, float, float]]:
    """Share of samples, accuracy and mean confidence of each bin of confidence (Guo et al. 2017, fig. 1)."""
    confidence = probs.max(axis=1)
    correct = probs.argmax(axis=1) == truth
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    rows = []
    for i in range(bins):
        inside = place == i
        n = int(inside.sum())
        rows.append(
            (n / len(truth), float(correct[inside].mean()), float(confidence[inside].mean()))
            if n
            else (0.0, 0.0, 0.0)
        )
    return rows


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


def bootstrap_intervals(
    truth: Labels,
    probs: Probs,
    actors: Sequence[str],
    *,
    rounds: int = BOOTSTRAP_ROUNDS,
    seed: int = 0,
) -> tuple[Interval, Interval]:
    """95 % intervals of accuracy and UAR from a bootstrap over actors.

    Clips of one actor are not independent, so that a bootstrap over clips would give intervals that are too
    narrow (cluster bootstrap, Davison and Hinkley 1997, sec. 3.8).

    Args:
        truth: (n,)
        probs: (n, classes)
        actors: of each sample.
        rounds: bootstrap samples.
        seed: of the draws.
    """
    names = sorted(set(actors))
    rows_of = [np.flatnonzero(np.asarray(actors) == name) for name in names]
    # Both figures follow from the confusion matrix, and that of a draw is the sum of its actors'.
    counts = np.stack([confusion_matrix(truth[rows], probs[rows]) for rows in rows_of])
    rng = np.random.default_rng(seed)
    resamples = np.stack([rng.integers(len(names), size=len(names)) for _ in range(rounds)])
    totals = counts[resamples].sum(axis=1)
    correct, support = np.diagonal(totals, axis1=1, axis2=2), totals.sum(axis=2)
    with np.errstate(invalid="ignore"):
        recalls = correct / support
    return (
        _percentiles(correct.sum(axis=1) / support.sum(axis=1)),
        _percentiles(np.nanmean(recalls, axis=1)),
    )


def _percentiles(values: NDArray[np.float64]) -> Interval:
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return Interval(float(low), float(high))


def mcnemar(correct_a: NDArray[np.bool_], correct_b: NDArray[np.bool_]) -> float:
    """Exact two-sided p-value of McNemar's test (1947): do two models err equally often?

    Args:
        correct_a: (n,) whether the first model is right on each sample.
        correct_b: (n,) the same of the second model.
    """
    only_a = int((correct_a & ~correct_b).sum())
    only_b = int((correct_b & ~correct_a).sum())
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float64]:
    """(n, classes) logits → probabilities of `logits / temperature`."""
    return np.asarray(special.softmax(logits.astype(np.float64) / temperature, axis=1))


def fit_temperature(truth: Labels, logits: NDArray[np.floating]) -> float:
    """The temperature that minimises the cross-entropy (Guo et al. 2017, sec. 4.2), from 0.05 to 20."""

    def loss(log_t: float) -> float:
        probs = softmax(logits, float(np.exp(log_t)))
        return float(-np.log(np.maximum(probs[np.arange(len(truth)), truth], 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded").x))


def _predicted(probs: Probs) -> torch.Tensor:
    """(n,) most probable class; the first of several with the same probability."""
    return torch.from_numpy(probs.argmax(axis=1))
