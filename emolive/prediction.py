"""The answers of a model for one window, and what they are combined from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emolive.opinion_pool import Reference
from emolive.types import Modality


@dataclass(frozen=True, slots=True)
class Prediction:
    """The model's answer for one window."""

    probs: tuple[float, ...]
    """Calibrated probabilities of the labels."""
    modality: Modality
    """The streams that were there; the other one was masked."""
    baseline: str
    """The normalisation mode that was used: "none" if there is no neutral calibration for "neutral"."""
    age_s: float = 0.0
    """Mean age of the evidence: half of the shortest newest part that alone gives this label."""


@dataclass(frozen=True, slots=True)
class Opinions:
    """The answers for one window that an opinion pool combines."""

    modality: Modality
    network: NDArray[np.float64] | None
    """(classes,) the network's calibrated log-probabilities; None where it has seen too little."""
    expression: NDArray[np.float64] | None
    """(8,) recent log-probabilities of the expression classifier; None without any."""
    reference: Reference
    """The neutral state of the person's face."""
    baseline: str
    """The normalisation mode that was used."""
    age_s: float = 0.0
    """Mean age of the evidence."""
    distances: tuple[float | None, float | None] = (None, None)
    """Of face and voice from the model's training data, see `emolive.novelty`."""


@dataclass(frozen=True, slots=True)
class NetworkReading:
    """What a network answers for one window."""

    modality: Modality
    """The streams that it read."""
    baseline: str
    """The normalisation mode that was used."""
    whole: NDArray[np.float64]
    """(classes,) log-probabilities from all of the window."""
    short: NDArray[np.float64] | None
    """(classes,) from its newest part; None for a model that does not read streams, or if it has nothing."""
