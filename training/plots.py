"""Plots of an evaluation: confusion matrix, reliability diagram, accuracy of each actor."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.atomic_io import atomic_write
from emolive.errors import MissingDependencyError
from training import metrics
from training.batches import IntArray
from training.install import INSTALL


def _figure(width: float, height: float) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"Plots need matplotlib: {INSTALL}.") from error
    figure = Figure((width, height), layout="constrained")
    return figure, figure.add_subplot()


def _save(figure: Any, path: Path) -> None:
    with atomic_write(path) as part, warnings.catch_warnings():
        # A label may have characters that no installed font has; they are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(part, format="png", dpi=120)


def confusion(path: Path, counts: NDArray[np.int64], labels: Sequence[str], title: str) -> None:
    """Confusion matrix: rows are the true classes, colours the shares of a row, digits the counts."""
    figure, axes = _figure(6.4, 5.6)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        dark = shares[row, column] > 0.5
        axes.text(column, row, str(count), ha="center", va="center", color="white" if dark else "black")
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title)
    _save(figure, path)


def reliability(path: Path, truth: IntArray, probs: NDArray[np.float64], title: str) -> None:
    """Reliability diagram: accuracy against confidence; a calibrated model lies on the diagonal."""
    figure, axes = _figure(5.2, 5.0)
    rows = [row for row in metrics.reliability_bins(truth, probs) if row[0]]
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.bar([row[2] for row in rows], [row[1] for row in rows], width=0.05, alpha=0.6)
    axes.scatter([row[2] for row in rows], [row[1] for row in rows], [400 * row[0] for row in rows])
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("confidence")
    axes.set_ylabel("accuracy")
    axes.set_title(f"{title}, ECE {metrics.calibration_error(truth, probs):.3f}")
    _save(figure, path)


def actors(path: Path, shares: Mapping[str, float], title: str) -> None:
    """A bar for the accuracy of each actor, and the mean."""
    figure, axes = _figure(max(4.0, 0.4 * len(shares) + 1.5), 4.0)
    names, values = list(shares), [100 * share for share in shares.values()]
    axes.bar(names, values)
    axes.axhline(float(np.mean(values)), color="black", linewidth=1, linestyle="--")
    axes.set_ylim(0, 100)
    axes.set_xlabel("actor")
    axes.set_ylabel("top-1, %")
    axes.set_title(title)
    _save(figure, path)


def by_time(path: Path, curves: Mapping[str, Sequence[Mapping[str, float]]], title: str) -> None:
    """Shares of right labels by the seconds since a change: displayed (solid) and before smoothing (dotted).

    Args:
        path: a PNG.
        curves: name → rows of `training.evaluate.stream_metrics.measure`.
        title: heading.
    """
    figure, axes = _figure(6.4, 4.2)
    for number, (name, rows) in enumerate(curves.items()):
        middle = [(row["from_s"] + row["to_s"]) / 2 for row in rows]
        colour = f"C{number}"
        axes.plot(middle, [row["shown"] for row in rows], "o-", color=colour, label=f"{name}, displayed")
        axes.plot(middle, [row["raw"] for row in rows], ":", color=colour, label=f"{name}, before smoothing")
    axes.set_xlabel("seconds since a change of emotion")
    axes.set_ylabel("share of right labels, mean over classes")
    axes.set_ylim(0, 1)
    axes.grid(alpha=0.3)
    axes.legend()
    axes.set_title(title)
    _save(figure, path)
