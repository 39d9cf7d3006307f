"""Face and voice, read against the person's own baseline: one definition for all uses.

A person's neutral differs more from another's neutral than many emotions differ from neutral. So what
enters a fusion is not a feature vector x but (x - shift) / scale, where shift and scale come from

* none: the population the model was trained on;
* neutral: the mean of a few seconds in which this person looked and spoke neutrally; the scale is the
  population's spread within a person;
* running: mean and spread of all this person has shown so far, drawn towards the population while that
  is little.

One flag channel per mode tells the model which it was; a missing step is zero in all channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emolive.types import BoolArray, FloatArray

MODES = ("none", "neutral", "running")
PRIOR_S = 4.0
"""A running baseline counts the population as if it were this much evidence."""
MIN_NEUTRAL_S = 1.0
"""Less evidence than this makes no neutral baseline."""
SCALE_FLOOR = 1e-4
OUTLIER_STD = 5.0


@dataclass(frozen=True, slots=True)
class RunningStats:
    """Count, sum and sum of squares of vectors (D,): merges exactly in any order."""

    count: float
    total: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def zero(cls, width: int) -> RunningStats:
        return cls(0.0, np.zeros(width), np.zeros(width))

    @classmethod
    def of(cls, rows: FloatArray) -> RunningStats:
        """Of (n, D) rows."""
        exact = rows.astype(np.float64)
        return cls(float(len(rows)), exact.sum(axis=0), (exact**2).sum(axis=0))

    def __add__(self, other: RunningStats) -> RunningStats:
        return RunningStats(self.count + other.count, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> NDArray[np.float64]:
        return self.total / max(self.count, 1.0)

    @property
    def variance(self) -> NDArray[np.float64]:
        return np.maximum(self.squares / max(self.count, 1.0) - self.mean**2, 0.0)


@dataclass(frozen=True, slots=True)
class GlobalStats:
    """What a model knows of one stream before it knows the person; part of its checkpoint."""

    mean: FloatArray
    """(D,)"""
    std: FloatArray
    """(D,) over everybody."""
    within_speaker_std: FloatArray
    """(D,) root mean square of the deviations from each person's own mean."""
    rate_hz: float
    """Vectors a second, so that evidence counts in seconds."""

    def clip_outliers(self, rows: FloatArray) -> FloatArray:
        """(n, D) rows with outliers drawn in (winsorised), so that one slip of the tracker or one bang
        on the desk does not bend a person's statistics for long."""
        reach = OUTLIER_STD * np.maximum(self.std, SCALE_FLOOR)
        return np.clip(rows, self.mean - reach, self.mean + reach)


@dataclass(frozen=True, slots=True)
class Normalizer:
    """How one stream is read: shift and scale (D,) and the mode that they really come from."""

    mode: str
    shift: FloatArray
    scale: FloatArray

    def apply(self, rows: FloatArray, present: BoolArray, modes: tuple[str, ...]) -> FloatArray:
        """(n, D) rows, (n,) present → (n, D + len(modes)): relative features, then one flag per mode.

        A mode that is not among `modes` sets none of the flags.
        """
        flags = np.zeros((len(rows), len(modes)), np.float32)
        if self.mode in modes:
            flags[:, modes.index(self.mode)] = 1.0
        full = np.concatenate([(rows - self.shift) / self.scale, flags], axis=1)
        full[~present] = 0.0
        return np.asarray(full, np.float32)


def baseline(mode: str, population: GlobalStats, evidence: RunningStats | None) -> Normalizer:
    """The baseline of `mode` from a person's evidence so far.

    A neutral baseline without enough evidence is none, and says so in its `mode`.
    """
    if mode == "neutral" and evidence and evidence.count >= MIN_NEUTRAL_S * population.rate_hz:
        return _baseline("neutral", evidence.mean, population.within_speaker_std)
    if mode == "running":
        prior = PRIOR_S * population.rate_hz
        seen = evidence or RunningStats.zero(len(population.mean))
        weight = seen.count / (seen.count + prior)
        mean = weight * seen.mean + (1 - weight) * population.mean
        variance = (
            weight * seen.variance + (1 - weight) * population.within_speaker_std.astype(np.float64) ** 2
        )
        return _baseline("running", mean, np.sqrt(variance))
    return _baseline("none", population.mean, population.std)


def _baseline(mode: str, shift: NDArray[np.floating], scale: NDArray[np.floating]) -> Normalizer:
    return Normalizer(mode, shift.astype(np.float32), np.maximum(scale, SCALE_FLOOR).astype(np.float32))
