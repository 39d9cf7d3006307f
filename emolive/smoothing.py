"""Temporal smoothing of probabilities, and a displayed label with hysteresis."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emolive.clock import to_s
from emolive.types import UNSURE, Estimate, Timestamps

if TYPE_CHECKING:
    from emolive.models.spec import ModelSpec
    from emolive.predictor import Prediction

TIME_CONSTANT_S = 0.6
"""The bars have followed a step by 63 % after this time."""
HOLD_S = 0.4
"""Another label must lead for this long before it is displayed."""
SHOW_THRESHOLD = 0.35
"""A label needs this probability to appear; below it the label is UNSURE."""
KEEP_THRESHOLD = 0.28
"""A displayed label stays until it falls below this."""
RESET_S = 1.5
"""After a pause this long the smoother is reset."""


@dataclass(frozen=True, slots=True)
class Smoothed:
    """The displayed result."""

    probs: tuple[float, ...]
    label: str
    """One of the labels, or UNSURE."""
    confidence: float
    """The smoothed probability of `label`; when that is UNSURE, of the likeliest label."""


class Smoother:
    """Exponential smoothing in time, and hysteresis for the label. For one thread.

    Args:
        labels: the classes, in the order of the probabilities.
    """

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._labels = labels
        self.reset()

    def reset(self) -> None:
        """Forget everything before the next window."""
        self._probs: NDArray[np.float64] | None = None
        self._t_ns = 0
        self._label = UNSURE
        self._candidate: tuple[str, int] | None = None
        """The label that leads instead of the displayed one, and since when."""

    def update(self, probs: tuple[float, ...], t_ns: int) -> Smoothed:
        """Add the probabilities of the window that ends at `t_ns`; windows come in order.

        Raises:
            ValueError: they are not finite; the smoother is left as it was.
        """
        newest = np.asarray(probs, np.float64)
        if not np.isfinite(newest).all():
            raise ValueError("Probabilities must be finite.")
        elapsed_s = to_s(t_ns - self._t_ns)
        if self._probs is None or elapsed_s > RESET_S:
            self.reset()
            self._probs = newest
        else:
            decay = exp(-elapsed_s / TIME_CONSTANT_S)
            self._probs = decay * self._probs + (1 - decay) * newest
        self._t_ns = t_ns
        leader = int(self._probs.argmax())
        self._update_label(self._labels[leader], float(self._probs[leader]), t_ns)
        displayed = leader if self._label == UNSURE else self._labels.index(self._label)
        return Smoothed(tuple(self._probs.tolist()), self._label, float(self._probs[displayed]))

    def _update_label(self, leader: str, probability: float, t_ns: int) -> None:
        threshold = KEEP_THRESHOLD if leader == self._label else SHOW_THRESHOLD
        label = leader if probability >= threshold else UNSURE
        if label == self._label:
            self._candidate = None
        elif self._candidate is None or self._candidate[0] != label:
            self._candidate = (label, t_ns)
        elif to_s(t_ns - self._candidate[1]) >= HOLD_S:
            self._label, self._candidate = label, None


def make_estimate(
    prediction: Prediction,
    displayed: Smoothed,
    spec: ModelSpec,
    *,
    source: str,
    t_ns: int,
    origin_ns: int = 0,
    stamps: Timestamps | None = None,
) -> Estimate:
    """The estimate of one window, the same live and for files.

    Args:
        prediction: the model's answer.
        displayed: the answer after smoothing.
        spec: of the model.
        source: what was opened, without passwords.
        t_ns: the end of the window.
        origin_ns: the source's time 0.
        stamps: of a live estimate.
    """
    return Estimate(
        source=source,
        t_ns=t_ns,
        t_s=to_s(t_ns - origin_ns),
        labels=spec.labels,
        raw_probs=prediction.probs,
        probs=displayed.probs,
        label=displayed.label,
        confidence=displayed.confidence,
        modality=prediction.modality,
        fusion=spec.fusion,
        baseline=prediction.baseline,
        stamps=stamps,
    )
