"""How a model reads a stream: long and short evidence, its doubt, and smoothing over time.

Long evidence is accurate, short evidence is quick. The network reads the whole window and the newest part of
it in one batch, and the two answers are combined log-linearly:

    log p = w log p_short + (1 - w) log p_window + const

The parameters are fitted to streams of people who are not in the training data, by
`python -m training.fit_stream_reading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emolive.errors import ConfigError
from emolive.models import checks as check
from emolive.types import MODALITIES


@dataclass(frozen=True, slots=True)
class SmoothingSpec:
    """Parameters of `emolive.smoothing.Smoother`."""

    rate: float = 0.33
    """Share of a new answer in the smoothed one after 240 ms, where the two agree."""
    jump: float = 0.0
    """How much that share grows with the disagreement (Jensen-Shannon divergence in nats, at most 0.69)."""
    margin: float = 0.0
    """Another label is displayed once its probability exceeds that of the displayed one by this."""
    show: float = 0.35
    """A label needs this probability to appear; below it the label is UNSURE."""
    keep: float = 0.28
    """A displayed label stays until its probability falls below this."""

    def validate(self) -> None:
        """Check types and ranges. ConfigError for the first value that does not fit."""
        check.number("rate", self.rate, 0.01, 1)
        check.number("jump", self.jump, 0, 10)
        check.number("margin", self.margin, 0, 1)
        check.number("show", self.show, 0, 1)
        check.number("keep", self.keep, 0, 1)


@dataclass(frozen=True, slots=True)
class StreamReadingSpec:
    """The parameters of a model that reads streams; part of a checkpoint."""

    short_bins: int
    """Bins of the short evidence, the newest of the window."""
    short_weight: float
    """w, the weight of its answer."""
    temperatures: tuple[float, float, float]
    """Of the result, in the order of `emolive.types.MODALITIES`; those of the network are of whole clips."""
    smoothing: SmoothingSpec

    def validate(self, n_bins: int) -> None:
        """Check types and ranges. ConfigError for the first value that does not fit."""
        check.number("short_bins", self.short_bins, 1, n_bins, integer=True)
        check.number("short_weight", self.short_weight, 0, 1)
        if len(self.temperatures) != len(MODALITIES):
            raise ConfigError(
                f"The model description does not fit: there must be {len(MODALITIES)} temperatures."
            )
        for value in self.temperatures:
            check.number("temperatures", value, 0.01, 100)
        self.smoothing.validate()

    @classmethod
    def from_dict(cls, values: Any) -> StreamReadingSpec:
        """Rebuild from its JSON. ConfigError if it does not fit."""
        named = check.exact(cls, values, "stream reading")
        if not isinstance(named["temperatures"], list | tuple):
            raise ConfigError("The model description does not fit: temperatures must be a list of numbers.")
        named["temperatures"] = tuple(named["temperatures"])
        smoothing = SmoothingSpec(**check.exact(SmoothingSpec, named.pop("smoothing"), "smoothing"))
        return cls(**named, smoothing=smoothing)
