"""Whether a face was neutral while a neutral baseline was measured, by the classifier of single faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from emolive.expression_stats import EXPRESSIONS
from emolive.types import FloatArray

MIN_BINS = 4
"""With fewer bins nothing is said: one second of a face is not enough to judge it."""
CLEAR_FROM, CLEAR_NEUTRAL_BELOW = 0.5, 0.3
"""Mean probability of an expression from which it is clear, if that of neutral is below the other."""
DOUBTED_BELOW = 0.4
"""Mean probability of neutral below which a face is doubted. On clips of 14 strangers that a person calls
neutral it is .46 to .96, on five with a smile at most .22; on neutral portraits of 22 actors at least .89."""
NEVER_CLEAR = frozenset({"sadness", "contempt"})
"""Many faces look so at rest, so these are doubted at most."""

_ADJECTIVES = {
    "happiness": "happy",
    "surprise": "surprised",
    "sadness": "sad",
    "anger": "angry",
    "disgust": "disgusted",
    "fear": "fearful",
    "contempt": "contemptuous",
}


@dataclass(frozen=True, slots=True)
class Neutrality:
    """What is thought of a face that was to be neutral."""

    verdict: Literal["neutral", "doubtful", "expressive"]
    looked: str = ""
    """How it looked instead, as an adjective; empty if it was neutral."""


NEUTRAL = Neutrality("neutral")


def judge_neutrality(bins: Sequence[FloatArray]) -> Neutrality:
    """Judge a face by the means over its bins.

    Args:
        bins: of each bin with a face, the classifier's log-probabilities (8,) in the order of EXPRESSIONS.
    """
    if len(bins) < MIN_BINS:
        return NEUTRAL
    mean = np.exp(np.asarray(bins, np.float64)).mean(axis=0)
    likeliest = 1 + int(np.argmax(mean[1:]))
    name = EXPRESSIONS[likeliest]
    looked = _ADJECTIVES[name]
    if mean[likeliest] >= CLEAR_FROM and mean[0] < CLEAR_NEUTRAL_BELOW and name not in NEVER_CLEAR:
        return Neutrality("expressive", looked)
    return Neutrality("doubtful", looked) if mean[0] < DOUBTED_BELOW else NEUTRAL
