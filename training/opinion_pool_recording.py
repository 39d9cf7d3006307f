"""The answers of a model on clips of strangers, recorded before an opinion pool combines them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emolive.capture.decode import probe
from emolive.errors import MediaError
from emolive.expression_stats import ExpressionStats
from emolive.file_analyzer import FileAnalyzer
from emolive.models.io.checkpoint import Checkpoint
from emolive.opinion_pool import UNKNOWN
from emolive.prediction import Opinions, Prediction
from emolive.predictor import Predictor
from emolive.profile import SpeakerProfile, SpeakerStats
from emolive.types import Modality
from emolive.windowing import FeatureWindow
from training.evaluate.strangers import StrangerClip

Logs = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StrangerRows:
    """The answers for one clip, window by window."""

    clip: StrangerClip
    end_ns: tuple[int, ...]
    modality: tuple[Modality, ...]
    network: Logs
    """(n, classes) log-probabilities, zero where the network has seen too little."""
    expression: Logs
    """(n, 8), zero where there is none."""
    has_expression: NDArray[np.bool_]
    evidence: tuple[ExpressionStats, ...]
    mode: str = "running"
    """Normalisation mode in which the answers were recorded: running or neutral."""
    novelty: NDArray[np.float64] | None = None
    """(n, 2) as in `ActorClips`."""
    calibration: NDArray[np.bool_] | None = None
    """(n,) windows that the neutral calibration was measured in; they are not scored."""


class _Recorder(Predictor):
    """A predictor that keeps the answers that it combines."""

    def start(self, spans: Sequence[tuple[float, float]], neutral: SpeakerStats | None = None) -> None:
        """Begin a clip.

        Args:
            spans: seconds in which the person is neutral.
            neutral: a calibration to use; without one it is measured in `spans`.
        """
        self.recorded: list[tuple[int, Opinions, ExpressionStats]] = []
        self.calibration: set[int] = set()
        self.neutral = SpeakerStats.none(self.spec) if neutral is None else neutral
        self._spans, self._mode = spans, "running" if neutral is None else "neutral"
        self._end_ns = 0

    def predict(
        self, window: FeatureWindow, profile: SpeakerProfile, mode: str, *, alone: bool = False
    ) -> Prediction | None:
        # The window of the summary comes last, and is one of those before.
        if window.end_ns > self._end_ns:
            self._end_ns = window.end_ns
            self._record(window, profile)
        return super().predict(window, profile, mode, alone=alone)

    def _record(self, window: FeatureWindow, profile: SpeakerProfile) -> None:
        end_s = window.end_ns / 1e9
        if any(first <= end_s - self.spec.bin_s and end_s <= last + 0.01 for first, last in self._spans):
            self.calibration.add(window.end_ns)
            if self._mode == "running":
                self.neutral.add(window, self.spec, self.video_stats, self.audio_stats)
        stats = profile.running.expression
        if self._mode == "neutral":
            profile.neutral, stats = self.neutral, self.neutral.expression
        opinions = self.opinions(window, profile, self._mode)
        if opinions is not None:
            self.recorded.append((window.end_ns, opinions, stats))


def record_strangers(loaded: Checkpoint, clips: Sequence[StrangerClip]) -> list[StrangerRows]:
    """The answers of a model with any pool on clips: in running mode, and where a clip has neutral stretches
    once more after a calibration in these (of a neutral clip its first half)."""
    predictor = _Recorder(loaded)
    rows = []
    with FileAnalyzer(predictor, baseline="running") as analyzer:
        for clip in clips:
            spans = neutral_spans(clip)
            neutral = None
            for mode in ("running", "neutral") if spans else ("running",):
                predictor.start(spans, neutral)
                try:
                    for _ in analyzer.analyze(clip.path):
                        pass
                except MediaError:
                    break
                neutral = predictor.neutral
                rows.append(
                    to_rows(clip, predictor.recorded, len(loaded.spec.labels), mode, predictor.calibration)
                )
    return rows


def neutral_spans(clip: StrangerClip) -> list[tuple[float, float]]:
    """Where the person can be calibrated, in seconds; of a neutral clip the first half."""
    spans = [(span.from_s, span.to_s) for span in clip.spans if span.labels <= {"neutral", "calm"}]
    if clip.kind == "neutral" and spans:
        middle = (spans[0][0] + min(spans[-1][1], probe(clip.path).duration_s or np.inf)) / 2
        spans = [(first, min(last, middle)) for first, last in spans if first < middle]
    return spans


def to_rows(
    clip: StrangerClip,
    recorded: Sequence[tuple[int, Opinions, ExpressionStats]],
    n_classes: int,
    mode: str = "running",
    calibration: Collection[int] = (),
) -> StrangerRows:
    """Recorded answers as arrays."""
    no_expression = np.zeros_like(UNKNOWN.log_probs)
    opinions = [opinion for _, opinion, _ in recorded]
    return StrangerRows(
        clip,
        tuple(end_ns for end_ns, _, _ in recorded),
        tuple(opinion.modality for opinion in opinions),
        np.stack([np.zeros(n_classes) if o.network is None else o.network for o in opinions]),
        np.stack([no_expression if o.expression is None else o.expression for o in opinions]),
        np.array([o.expression is not None for o in opinions]),
        tuple(stats for _, _, stats in recorded),
        mode,
        np.array([[np.nan if d is None else d for d in o.distances] for o in opinions]),
        np.array([end_ns in calibration for end_ns, _, _ in recorded]),
    )
