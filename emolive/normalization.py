"""Per-speaker mean and variance normalisation of video and audio features, live and in training.

The neutral expressions of two people differ more than many emotions differ from neutral. A fusion
therefore reads (x - shift) / scale instead of a feature vector x, where shift and scale depend on the mode:

* none: mean and standard deviation of the training population;
* neutral: the mean of a few seconds in which this person looked and spoke neutrally; the scale is the
  standard deviation within speakers;
* running: mean and standard deviation of all that was measured of this person so far, with the global
  statistics as a prior.

One flag channel per mode tells the network which one was used; a missing step is zero in all channels.
Compare Kaldi's `OnlineCmvn`, which uses global statistics as a prior in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from emolive.types import BoolArray, FloatArray

NormMode = Literal["none", "neutral", "running"]
MODES: tuple[NormMode, ...] = get_args(NormMode)
PRIOR_S = 4.0
"""Weight of the global statistics in running mode, in seconds of evidence."""
MIN_NEUTRAL_S = 1.0
"""Neutral mode needs at least this much evidence."""
SCALE_FLOOR = 1e-4
OUTLIER_STD = 5.0
"""Outliers are clipped to this many global standard deviations."""


@dataclass(frozen=True, slots=True)
class RunningStats:
    """Count, sum and sum of squares of vectors (D,). Merging is exact and independent of the order."""

    count: float
    total: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def zero(cls, width: int) -> RunningStats:
        """Statistics of no vectors of this width."""
        return cls(0.0, np.zeros(width), np.zeros(width))

    @classmethod
    def of(cls, rows: FloatArray) -> RunningStats:
        """Statistics of (n, D) rows; one that is not finite is left out, since it would stay for ever."""
        exact = rows.astype(np.float64)
        if not np.isfinite(exact.sum()):
            exact = exact[np.isfinite(exact).all(axis=1)]
        return cls(float(len(exact)), exact.sum(axis=0), (exact**2).sum(axis=0))

    def __add__(self, other: RunningStats) -> RunningStats:
        return RunningStats(self.count + other.count, self.total + other.total, self.squares + other.squares)

    def shifted(self, offset: float) -> RunningStats:
        """Those of the same vectors with `offset` added to each value."""
        total = self.total + self.count * offset
        return RunningStats(
            self.count, total, self.squares + 2 * offset * self.total + self.count * offset**2
        )

    @property
    def mean(self) -> NDArray[np.float64]:
        """(D,); zero without any vector."""
        return self.total / max(self.count, 1.0)

    @property
    def variance(self) -> NDArray[np.float64]:
        """(D,); zero without any vector."""
        return np.maximum(self.squares / max(self.count, 1.0) - self.mean**2, 0.0)


@dataclass(frozen=True, slots=True)
class GlobalStats:
    """Statistics of one stream over the training data; stored in a checkpoint."""

    mean: FloatArray
    """(D,)"""
    std: FloatArray
    """(D,) over all speakers."""
    within_speaker_std: FloatArray
    """(D,) root mean square of the deviations from each speaker's own mean."""
    rate_hz: float
    """Vectors per second, to convert counts of evidence to seconds."""

    def clip_outliers(self, rows: FloatArray) -> FloatArray:
        """(n, D) rows, winsorised, so that one failure of the tracker or one bang on the desk has little
        effect on a person's statistics."""
        reach = OUTLIER_STD * np.maximum(self.std, SCALE_FLOOR)
        return np.clip(rows, self.mean - reach, self.mean + reach)


@dataclass(frozen=True, slots=True)
class Normalizer:
    """Shift and scale (D,) of one stream, and the mode that they were computed in."""

    mode: NormMode
    shift: FloatArray
    scale: FloatArray

    def apply(self, rows: FloatArray, present: BoolArray, modes: tuple[str, ...]) -> FloatArray:
        """Normalise features and append the mode flags.

        Args:
            rows: (n, D).
            present: (n,) False where a row is missing.
            modes: the modes that the model has flags for; another mode sets none of them.

        Returns:
            (n, D + len(modes)), zero in missing rows.
        """
        flags = np.zeros((len(rows), len(modes)), np.float32)
        if self.mode in modes:
            flags[:, modes.index(self.mode)] = 1.0
        full = np.concatenate([(rows - self.shift) / self.scale, flags], axis=1)
        full[~present] = 0.0
        return np.asarray(full, np.float32)


def make_normalizer(mode: str, stats: GlobalStats, evidence: RunningStats | None) -> Normalizer:
    """The normaliser of one stream of one person.

    Args:
        mode: one of `MODES`.
        stats: the model's global statistics.
        evidence: what was measured of the person: while neutral in neutral mode, so far in running mode.

    Returns:
        The normaliser; without enough evidence for neutral mode it is that of mode "none", as its
        `mode` shows.
    """
    if mode == "neutral" and evidence and evidence.count >= MIN_NEUTRAL_S * stats.rate_hz:
        return _normalizer("neutral", evidence.mean, stats.within_speaker_std)
    if mode == "running":
        prior = PRIOR_S * stats.rate_hz
        observed = evidence or RunningStats.zero(len(stats.mean))
        weight = observed.count / (observed.count + prior)
        mean = weight * observed.mean + (1 - weight) * stats.mean
        variance = (
            weight * observed.variance + (1 - weight) * stats.within_speaker_std.astype(np.float64) ** 2
        )
        return _normalizer("running", mean, np.sqrt(variance))
    return _normalizer("none", stats.mean, stats.std)


def _normalizer(mode: NormMode, shift: NDArray[np.floating], scale: NDArray[np.floating]) -> Normalizer:
    return Normalizer(mode, shift.astype(np.float32), np.maximum(scale, SCALE_FLOOR).astype(np.float32))
