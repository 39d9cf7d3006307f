"""How right a model is, and how sure one can be of that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest

Probs = NDArray[np.floating]
Labels = NDArray[np.int64]

BINS = 15


def confusion(truth: Labels, probs: Probs) -> NDArray[np.int64]:
    """(C, C) counts: row = truth, column = likeliest class."""
    classes = probs.shape[1]
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (truth, probs.argmax(axis=1)), 1)
    return counts


def recalls(truth: Labels, probs: Probs) -> NDArray[np.float64]:
    """(C,) share of each class that was found; NaN for a class that never occurs."""
    counts = confusion(truth, probs)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.diag(counts) / counts.sum(axis=1), np.float64)


def uar(truth: Labels, probs: Probs) -> float:
    """Unweighted average recall over the classes that occur; NaN for no samples."""
    found = recalls(truth, probs)
    return float(np.nanmean(found)) if len(truth) else float("nan")


def top_k(truth: Labels, probs: Probs, k: int) -> float:
    """Share of samples whose class is among the `k` likeliest."""
    if not len(truth):
        return float("nan")
    best = np.argsort(-probs, axis=1, kind="stable")[:, :k]
    return float((best == truth[:, None]).any(axis=1).mean())


def ece(truth: Labels, probs: Probs, bins: int = BINS) -> float:
    """Expected calibration error: equal bins of confidence (Guo et al. 2017), weighted by their counts."""
    return float(sum(share * abs(right - sure) for share, right, sure in reliability(truth, probs, bins)))


def reliability(truth: Labels, probs: Probs, bins: int = BINS) -> list[tuple[float, float, float]]:
    """For each bin of confidence: share of the samples, share that is right, mean confidence."""
    sure = probs.max(axis=1)
    right = probs.argmax(axis=1) == truth
    place = np.minimum((sure * bins).astype(int), bins - 1)
    rows = []
    for i in range(bins):
        here = place == i
        n = int(here.sum())
        rows.append(
            (n / len(truth), float(right[here].mean()), float(sure[here].mean())) if n else (0.0, 0.0, 0.0)
        )
    return rows


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


def bootstrap(
    groups: Sequence[str],
    figure: Callable[[NDArray[np.int64]], float],
    *,
    rounds: int = 1000,
    seed: int = 0,
) -> Interval:
    """95 % interval of a figure when whole groups (actors) are drawn again with replacement.

    Args:
        groups: of each sample.
        figure: of the samples with the given indices.
        rounds: how often to draw.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    names = sorted(set(groups))
    where = {name: np.flatnonzero(np.asarray(groups) == name) for name in names}
    found = [
        figure(np.concatenate([where[names[i]] for i in rng.integers(len(names), size=len(names))]))
        for _ in range(rounds)
    ]
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Interval(float(low), float(high))


def mcnemar(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]) -> float:
    """Exact two-sided p of McNemar's test: do two models err on the same clips equally often?"""
    only_a = int((right_a & ~right_b).sum())
    only_b = int((right_b & ~right_a).sum())
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float64]:
    """(n, C) logits → probabilities."""
    make_divisible = logits.astype(np.float64) / temperature
    exact = np.exp(make_divisible - make_divisible.max(axis=1, keepdims=True))
    return np.asarray(exact / exact.sum(axis=1, keepdims=True))


def fit_temperature(truth: Labels, logits: NDArray[np.floating]) -> float:
    """The temperature that makes the labels likeliest (Guo et al. 2017), from 0.05 to 20."""

    def loss(log_t: float) -> float:
        probs = softmax(logits, float(np.exp(log_t)))
        return float(-np.log(np.maximum(probs[np.arange(len(truth)), truth], 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded").x))
