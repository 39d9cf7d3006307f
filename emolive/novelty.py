"""How far a window's features lie from those of the people whom a model was trained on.

A network's answer is worth little for inputs unlike its training data, however confident it is. The distance
is the Mahalanobis distance of a stream's mean features in the directions in which the training clips hardly
vary (compare Lee et al., "A simple unified framework for detecting out-of-distribution samples and
adversarial attacks", NeurIPS 2018): expressions and speech move along the first directions, other people,
cameras, rooms and levels along the last ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from emolive.types import FloatArray

if TYPE_CHECKING:
    from emolive.windowing import FeatureWindow

LEADING = 8
"""So many directions of the largest variance do not count."""
MOST = 128
"""Of those behind them at most so many do: the ones of the least variance are noise of few clips."""
_RIDGE = 1e-3
"""Added to the variance of each scaled feature."""


def n_directions(width: int) -> int:
    """How many directions count for features of a width."""
    return min(max(1, width - LEADING), MOST)


@dataclass(frozen=True, slots=True)
class Population:
    """The mean features of the training clips of one stream."""

    mean: FloatArray
    """(D,)"""
    whitening: FloatArray
    """(D, `n_directions(D)`): a deviation times this has a root mean square length of about 1."""

    @classmethod
    def fit(cls, rows: NDArray[np.floating], scale: FloatArray) -> Self:
        """Of the mean features (clips, D); `scale` (D,) is the standard deviation of each feature."""
        scaled = np.asarray(rows, np.float64) / scale
        mean = scaled.mean(axis=0)
        covariance = np.cov((scaled - mean).T) + _RIDGE * np.eye(len(scale))
        variances, directions = np.linalg.eigh(covariance)
        # In ascending order of the variance.
        count = n_directions(len(scale))
        part = slice(len(scale) - LEADING - count, len(scale) - LEADING)
        whitening = directions[:, part] / np.sqrt(variances[part] * count) / scale[:, None]
        return cls((mean * scale).astype(np.float32), whitening.astype(np.float32))

    def distance(self, rows: NDArray[np.floating]) -> NDArray[np.float64]:
        """(..., D) mean features → (...)"""
        return np.asarray(np.linalg.norm((rows - self.mean).astype(np.float64) @ self.whitening, axis=-1))


def mean_video(rows: FloatArray, frame_dim: int) -> FloatArray:
    """(D,) mean over bins (n, video_dim), without their deviations in time."""
    return np.asarray(rows[:, :frame_dim].mean(axis=0), np.float32)


def distances(
    window: FeatureWindow, video: Population, audio: Population, *, frame_dim: int, window_s: float
) -> tuple[float | None, float | None]:
    """Of the face and the voice in a window; None for a stream that the network does not read."""
    of_video = of_audio = None
    if window.has_face:
        of_video = float(video.distance(mean_video(window.video[window.video_present], frame_dim)))
    if window.has_voice(window_s):
        of_audio = float(audio.distance(window.audio[window.speech].mean(axis=0)))
    return of_video, of_audio
