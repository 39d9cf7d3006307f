"""What the classifier of faces answered about one person so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.models import checks as check
from emolive.types import FloatArray

EXPRESSIONS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
"""The classes of FER+, in the order of the classifier's outputs."""


@dataclass(frozen=True, slots=True)
class ExpressionStats:
    """What the classifier found of one person, as sums over bins. Merging is exact."""

    count: float
    """Bins."""
    total: NDArray[np.float64]
    """(8,) sum of the bins' mean log-probabilities."""
    neutral_weight: float
    """Sum of the bins' probabilities of neutral."""
    neutral_total: NDArray[np.float64]
    """(8,) sum of the log-probabilities, each bin weighted by its probability of neutral."""

    @classmethod
    def zero(cls) -> ExpressionStats:
        """Of a person of whom nothing was seen."""
        width = len(EXPRESSIONS)
        return cls(0.0, np.zeros(width), 0.0, np.zeros(width))

    @classmethod
    def of(cls, rows: FloatArray) -> ExpressionStats:
        """Of bins (n, 8) of log-probabilities; one that is not finite is left out."""
        exact = rows.astype(np.float64)
        exact = exact[np.isfinite(exact).all(axis=1)]
        weight = np.exp(exact[:, 0])
        return cls(
            float(len(exact)), exact.sum(axis=0), float(weight.sum()), (weight[:, None] * exact).sum(axis=0)
        )

    def __add__(self, other: ExpressionStats) -> ExpressionStats:
        return ExpressionStats(
            self.count + other.count,
            self.total + other.total,
            self.neutral_weight + other.neutral_weight,
            self.neutral_total + other.neutral_total,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return {
            "count": self.count,
            "total": self.total.tolist(),
            "neutral_weight": self.neutral_weight,
            "neutral_total": self.neutral_total.tolist(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ExpressionStats:
        """Rebuild from `to_dict`, or from its JSON. ConfigError if it does not fit."""
        named = check.exact(cls, values, "statistics of expressions")
        for name in ("count", "neutral_weight"):
            check.number(name, named[name], 0, 1e12)
        width = len(EXPRESSIONS)
        return cls(
            float(named["count"]),
            check.array("total", named["total"], width),
            float(named["neutral_weight"]),
            check.array("neutral_total", named["neutral_total"], width),
        )
