"""From one window's probabilities to bars that glide and a label that does not flicker."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import numpy as np

from emolive.clock import to_s
from emolive.types import UNSURE

TIME_CONSTANT_S = 0.6
"""After so long a change has arrived to 63 % in the bars."""
HOLD_S = 0.4
"""Another label must lead for so long before it takes over."""
SURE = 0.35
"""Below this the label is "unsure"; above it a label may appear."""
KEEP = 0.28
"""A label that is shown stays until it falls below this."""
FORGET_S = 1.5
"""After a pause this long the next window starts afresh."""


@dataclass(frozen=True, slots=True)
class Smoothed:
    """What is shown."""

    probs: tuple[float, ...]
    label: str
    confidence: float


class Smoother:
    """Exponential smoothing by time, and a label with hysteresis. For one thread."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._labels = labels
        self.reset()

    def reset(self) -> None:
        self._probs: np.ndarray | None = None
        self._t_ns = 0
        self._label = UNSURE
        self._rival: tuple[str, int] | None = None

    def update(self, probs: tuple[float, ...], t_ns: int) -> Smoothed:
        """Take in the probabilities of the window that ends at `t_ns`; windows come in order."""
        now = np.asarray(probs)
        elapsed_s = to_s(t_ns - self._t_ns)
        if self._probs is None or elapsed_s > FORGET_S:
            self.reset()
            self._probs = now
        else:
            keep = exp(-elapsed_s / TIME_CONSTANT_S)
            self._probs = keep * self._probs + (1 - keep) * now
        self._t_ns = t_ns
        best = int(self._probs.argmax())
        self._decide(self._labels[best], float(self._probs[best]), t_ns)
        return Smoothed(tuple(self._probs.tolist()), self._label, float(self._probs[best]))

    def _decide(self, leader: str, share: float, t_ns: int) -> None:
        # How sure the leader is decides; a label that is already shown needs less to stay.
        wanted = leader if share >= (KEEP if leader == self._label else SURE) else UNSURE
        if wanted == self._label:
            self._rival = None
        elif self._rival is None or self._rival[0] != wanted:
            self._rival = (wanted, t_ns)
        elif to_s(t_ns - self._rival[1]) >= HOLD_S:
            self._label, self._rival = wanted, None
