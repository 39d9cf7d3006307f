"""Smoothing of probabilities over time, and a displayed label with hysteresis.

The smoothing is adaptive: it follows at once where a new answer disagrees with the smoothed one, and slowly
where it wavers (compare the innovation-dependent gain of an adaptive Kalman filter, Mehra 1970).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from emolive.clock import to_s
from emolive.errors import ConfigError
from emolive.stream_reading import SmoothingSpec
from emolive.types import UNSURE, Estimate, Timestamps

if TYPE_CHECKING:
    from emolive.models.spec import ModelSpec
    from emolive.prediction import Prediction

HOP_S = 0.24
"""The rates of a `SmoothingSpec` are for answers at this interval."""
RESET_S = 1.5
"""After a pause this long the smoother is reset."""
STEADY_SHARE = 1 / 3
"""Of the fitted rates, in the mode "steady"."""

SmoothingMode = Literal["fitted", "off", "steady"]
SMOOTHING_MODES: tuple[SmoothingMode, ...] = get_args(SmoothingMode)
"""As the model's parameters were fitted; every answer as it is; or three times as slow as fitted."""


def check_smoothing(mode: str) -> None:
    """ConfigError unless there is a smoothing of this name."""
    if mode not in SMOOTHING_MODES:
        raise ConfigError(f"There is no smoothing {mode}: choose {', '.join(SMOOTHING_MODES)}.")


def smoothing_spec(fitted: SmoothingSpec, mode: str) -> SmoothingSpec:
    """The parameters of a model's smoother in one of `SMOOTHING_MODES`."""
    check_smoothing(mode)
    if mode == "off":
        return replace(fitted, rate=1.0, jump=0.0, margin=0.0)
    if mode == "steady":
        return replace(fitted, rate=max(0.01, fitted.rate * STEADY_SHARE), jump=fitted.jump * STEADY_SHARE)
    return fitted


@dataclass(frozen=True, slots=True)
class Smoothed:
    """The displayed result."""

    probs: tuple[float, ...]
    label: str
    """One of the labels, or UNSURE."""
    confidence: float
    """The smoothed probability of `label`; when that is UNSURE, of the likeliest label."""
    age_s: float
    """Mean age of the evidence in `probs`."""


class Smoother:
    """Adaptive exponential smoothing in time, and hysteresis for the label. For one thread.

    Args:
        labels: the classes, in the order of the probabilities.
        spec: the parameters.
    """

    def __init__(self, labels: tuple[str, ...], spec: SmoothingSpec | None = None) -> None:
        self._labels = labels
        self._fitted = self._spec = spec or SmoothingSpec()
        self.reset()

    @classmethod
    def for_spec(cls, spec: ModelSpec, mode: str = "fitted") -> Smoother:
        """The smoother for a model, in one of `SMOOTHING_MODES`."""
        smoother = cls(spec.labels, None if spec.stream_reading is None else spec.stream_reading.smoothing)
        smoother.set_mode(mode)
        return smoother

    def set_mode(self, mode: str) -> None:
        """Smooth like one of `SMOOTHING_MODES` from the next window on; what was smoothed so far stays."""
        self._spec = smoothing_spec(self._fitted, mode)

    def reset(self) -> None:
        """Forget everything before the next window."""
        self._probs: NDArray[np.float64] | None = None
        self._t_ns = 0
        self._age_s = 0.0
        self._label = UNSURE

    def update(self, probs: tuple[float, ...], t_ns: int, age_s: float = 0.0) -> Smoothed:
        """Add the probabilities of the window that ends at `t_ns`; windows come in order.

        Probabilities that are not finite are ignored.

        Args:
            probs: of the labels.
            t_ns: end of the window.
            age_s: mean age of the evidence in `probs`.
        """
        newest = np.asarray(probs, np.float64)
        if not np.isfinite(newest).all():
            newest = np.full(len(newest), 1 / len(newest)) if self._probs is None else self._probs
        elapsed_s = to_s(t_ns - self._t_ns)
        if self._probs is None or elapsed_s > RESET_S:
            self.reset()
            self._probs, self._age_s = newest, age_s
        else:
            rate = min(1.0, self._spec.rate + self._spec.jump * divergence(newest, self._probs))
            share = 1 - (1 - rate) ** (elapsed_s / HOP_S)
            self._probs = (1 - share) * self._probs + share * newest
            self._age_s = (1 - share) * (self._age_s + elapsed_s) + share * age_s
        self._t_ns = t_ns
        self._update_label(self._probs)
        displayed = int(self._probs.argmax()) if self._label == UNSURE else self._labels.index(self._label)
        return Smoothed(tuple(self._probs.tolist()), self._label, float(self._probs[displayed]), self._age_s)

    def _update_label(self, probs: NDArray[np.float64]) -> None:
        spec, leader = self._spec, int(probs.argmax())
        if self._label != UNSURE:
            displayed = probs[self._labels.index(self._label)]
            if probs[leader] - displayed <= spec.margin and displayed >= spec.keep:
                return
        self._label = self._labels[leader] if probs[leader] >= spec.show else UNSURE


def divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Jensen-Shannon divergence of two distributions, in nats: 0 to log 2."""
    mean = (p + q) / 2
    parts = [
        np.sum(x[x > 0] * np.log(x[x > 0] / mean[x > 0]))  # x log x is 0 at 0
        for x in (p, q)
    ]
    return float(min(max(sum(parts) / 2, 0.0), log(2)))


def make_estimate(
    prediction: Prediction,
    displayed: Smoothed,
    spec: ModelSpec,
    *,
    source: str,
    t_ns: int,
    origin_ns: int = 0,
    stamps: Timestamps | None = None,
    hints: tuple[str, ...] = (),
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
        hints: of the window.
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
        answer_age_s=displayed.age_s,
        stamps=stamps,
        hints=hints,
    )
