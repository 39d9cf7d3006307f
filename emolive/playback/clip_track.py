"""What is asked of the analysis of a file, and what it gives."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emolive.snapshot import WindowExplanation
from emolive.types import Estimate, Status
from emolive.vision.survey import FaceChoice

if TYPE_CHECKING:
    from emolive.predictor import Predictor

LoadModels = Callable[[], "Sequence[Predictor]"]


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """How a file is to be analysed."""

    load: LoadModels
    """Returns the models, in the analysis thread; the first one's estimates are the displayed ones. All must
    read the same features."""
    baseline: str
    """none, neutral or running."""
    person: str
    """Whose saved neutral baseline is used."""
    explaining: bool = False
    """Explain each estimate, which costs a second run of the network."""
    hop_bins: int = 1
    """Bins between two estimates."""
    smoothing: str = "fitted"
    """One of `emolive.smoothing.SMOOTHING_MODES`."""
    faces: tuple[FaceChoice, ...] = ()
    """In order of time; before the first one the face is read that the tracker chooses."""


@dataclass(frozen=True, slots=True)
class AnalyzedWindow:
    """The results for one window."""

    t_ns: int
    """Its end in the file."""
    estimates: tuple[Estimate, ...]
    """One for each model; empty if there is neither face nor voice."""
    statuses: tuple[Status, ...]
    """Of face, voice and baseline."""
    explanation: WindowExplanation | None = None
    """Of the first model's estimate, if it was asked for."""


@dataclass(slots=True)
class ClipTrack:
    """The results of one choice of models. The analysis appends; any thread reads."""

    fusions: tuple[str, ...]
    """Of the models, in the order of the estimates."""
    windows: list[AnalyzedWindow] = field(default_factory=list)
    estimates: list[Estimate] = field(default_factory=list)
    """Those of the first model."""

    def add(self, window: AnalyzedWindow) -> None:
        """Append the results for the next window."""
        # First, so that whoever finds the window finds the estimate too.
        self.estimates.extend(window.estimates[:1])
        self.windows.append(window)

    def window_at(self, t_ns: int) -> AnalyzedWindow | None:
        """The newest window that has ended at a time in the file."""
        index = bisect_right(self.windows, t_ns, key=lambda window: window.t_ns)
        return self.windows[index - 1] if index else None
