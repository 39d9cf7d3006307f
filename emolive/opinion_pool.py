"""Log-linear opinion pool of a model and of a classifier of single faces.

    log p(c) = w_net log p_net(c) + w_abs A(e)(c) + w_rel [A(e)(c) - A(n)(c)] + b(c) + const

e: mean log-probabilities of the classifier over the newest frames; n: the same over the frames in which this
person was neutral; A: from the expressions of FER+ to the emotions of the model; b: a prior for neutral and
calm, where the deviation from the neutral state counts. See Heskes, "Selecting weighting factors in
logarithmic opinion pools", NIPS 1998, and Hinton, "Products of experts", ICANN 1999.

The model has learned from few people and is accurate for a person whose neutral state is known. The
classifier has seen many people and is cautious. So the weights depend on how well the person is known, k from
0 to 1: each is w(k) = w(0) + (w(1) - w(0)) k.

In the end, the model's own answer is mixed in by how much the input resembles what it was trained on, g from
0 to 1 (`emolive.novelty`): log p' = g log p_net + (1 - g) log p + const.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.errors import ConfigError
from emolive.expression_stats import EXPRESSIONS, ExpressionStats
from emolive.models import checks as check
from emolive.types import BoolArray, FloatArray, Modality

_SINGLE = {
    "neutral": "neutral",
    "happy": "happiness",
    "sad": "sadness",
    "fearful": "fear",
    "surprised": "surprise",
}
"""Emotions that are one expression. Calm is a neutral face, and contempt counts as disgust or anger."""
EMOTIONS = frozenset({*_SINGLE, "calm", "angry", "disgust"})
"""Labels that the pool can read from expressions."""

MIN_BINS = 2
"""From so many bins on the classifier's answer stands for a face; the network needs more of them."""

Weights = tuple[float, float]
"""A weight for a person of whom nothing is known, and for one who is known completely."""


@dataclass(frozen=True, slots=True)
class OpinionPoolSpec:
    """The parameters of a pool; part of a checkpoint. Fitted by `python -m training.fit_opinion_pool`."""

    classifier: str
    """Digest of the classifier of faces, see `emolive.vision.expression.classifier_digest`."""
    network: Weights
    """Of the model's log-probabilities."""
    absolute: Weights
    """Of the classifier's, as they are."""
    relative: Weights
    """Of their deviation from the person's neutral state."""
    neutral_bias: float
    """b of neutral and calm for a person who is known completely, in nats; 0 for one who is not."""
    calm_offset: float
    """How much lower than neutral a neutral face counts for calm, in nats."""
    floor: float
    """Added to each probability of the classifier, so that rare expressions are not vetoed."""
    recent_s: float
    """The classifier's answer is the mean over this time."""
    evidence_s: float
    """Neutral evidence n after which k of a session reaches half of its limit: limit n / (n + evidence_s)."""
    running_limit: float
    """What k of a session approaches, 0..1: nobody confirmed that what looks neutral is this person's neutral
    state, as a calibration does."""
    calibration_s: float
    """The same for a neutral calibration, in which all evidence is known to be neutral; its limit is 1."""
    novelty_limits: tuple[float, float, float]
    """Distances from the training data at which g is 1/2: of a face beside a voice, of a voice, and of a face
    alone. A voice tells studio and people better than a face, so a face may lie farther off beside it."""
    novelty_width: float
    """How softly: g = sigmoid((limit - distance) / width), multiplied over the streams."""
    resemblance_limit: float
    """What g is at most: the classifier keeps a say with people like the training people too. Where the
    network wavers between two labels, it decides, and small changes of picture or sound change less."""
    novel_voice_weight: float
    """Of the model's log-probabilities for a voice alone that is unlike the training data (g = 0)."""
    temperatures: tuple[float, float]
    """Of the result, for face and voice and for the face alone."""

    def validate(self, labels: tuple[str, ...]) -> None:
        """Check types and ranges. ConfigError for the first value that does not fit."""
        check.text("classifier", self.classifier)
        for name in ("network", "absolute", "relative"):
            for value in check.pair(name, getattr(self, name)):
                check.number(name, value, 0, 100)
        check.number("calm_offset", self.calm_offset, -20, 20)
        check.number("neutral_bias", self.neutral_bias, -20, 20)
        check.number("running_limit", self.running_limit, 0, 1)
        check.number("floor", self.floor, 0, 1)
        for name in ("recent_s", "evidence_s", "calibration_s"):
            check.number(name, getattr(self, name), 0.01, 600)
        for value in check.triple("novelty_limits", self.novelty_limits):
            check.number("novelty_limits", value, -1000, 1000)
        check.number("resemblance_limit", self.resemblance_limit, 0, 1)
        check.number("novel_voice_weight", self.novel_voice_weight, 0, 1)
        check.number("novelty_width", self.novelty_width, 1e-3, 100)
        for value in check.pair("temperatures", self.temperatures):
            check.number("temperatures", value, 0.01, 100)
        if odd := sorted(set(labels) - EMOTIONS):
            raise ConfigError(f"The opinion pool cannot read {odd[0]} from a single face.")

    @classmethod
    def from_dict(cls, values: Any) -> OpinionPoolSpec:
        """Rebuild from its JSON. ConfigError if it does not fit."""
        named = check.exact(cls, values, "opinion pool")
        for name in ("network", "absolute", "relative", "temperatures"):
            named[name] = check.pair(name, named[name])
        named["novelty_limits"] = check.triple("novelty_limits", named["novelty_limits"])
        return cls(**named)


@dataclass(frozen=True, slots=True)
class Reference:
    """The neutral state of a person, as far as it is known."""

    log_probs: NDArray[np.float64]
    """(8,) of the classifier."""
    familiarity: float
    """k, 0..1."""


UNKNOWN = Reference(np.zeros(len(EXPRESSIONS)), 0.0)
"""Of a person of whom nothing is known."""


class OpinionPool:
    """Combines the answers of a model and of the classifier.

    Args:
        spec: its parameters.
        labels: of the model.
        bin_s: seconds of a bin.
    """

    def __init__(self, spec: OpinionPoolSpec, labels: tuple[str, ...], bin_s: float) -> None:
        self.spec = spec
        self._labels = labels
        self._bin_s = bin_s
        self._is_calm = np.array([float(label in ("neutral", "calm")) for label in labels])
        self._recent_bins = max(1, round(spec.recent_s / bin_s))

    def recent(
        self, rows: FloatArray, present: BoolArray, has_face: bool = False
    ) -> NDArray[np.float64] | None:
        """The mean over the newest bins that are present, as many as `recent_s` has; None with too few.

        Args:
            rows: (bins, 8) mean log-probabilities, oldest first.
            present: (bins,)
            has_face: the network reads a face in this window, so that the classifier must answer too.
        """
        if not has_face and np.count_nonzero(present[-self._recent_bins :]) < MIN_BINS:
            return None
        newest = np.flatnonzero(present)[-self._recent_bins :]
        return rows[newest].astype(np.float64).mean(axis=0) if len(newest) else None

    def reference(self, mode: str, stats: ExpressionStats) -> Reference:
        """What is known of a person in a normalisation mode.

        none: nothing. neutral: `stats` are of a calibration. running: they are of the session so far, in
        which each bin counts as far as it was neutral, so that a lasting smile is no neutral state.
        """
        if mode == "neutral" and stats.count:
            seconds = stats.count * self._bin_s
            return Reference(stats.total / stats.count, seconds / (seconds + self.spec.calibration_s))
        if mode == "running" and stats.neutral_weight > 0:
            seconds = stats.neutral_weight * self._bin_s
            mean = stats.neutral_total / stats.neutral_weight
            return Reference(mean, self.spec.running_limit * seconds / (seconds + self.spec.evidence_s))
        return UNKNOWN

    def emotions(self, log_probs: NDArray[np.float64]) -> NDArray[np.float64]:
        """A: log-probabilities (..., 8) of expressions → log-opinions (..., classes) of the labels."""
        spec = self.spec
        share = np.exp(log_probs) + spec.floor
        of = {name: share[..., i] for i, name in enumerate(EXPRESSIONS)}
        contempt = of["contempt"] / 2
        columns = []
        for label in self._labels:
            if label == "calm":
                columns.append(np.log(of["neutral"]) - spec.calm_offset)
            elif label == "angry":
                columns.append(np.log(of["anger"] + contempt))
            elif label == "disgust":
                columns.append(np.log(of["disgust"] + contempt))
            else:
                columns.append(np.log(of[_SINGLE[label]]))
        return np.stack(columns, axis=-1)

    def scores(
        self,
        network: NDArray[np.floating],
        expression: NDArray[np.floating],
        neutral: NDArray[np.floating],
        k: NDArray[np.floating] | float,
    ) -> NDArray[np.float64]:
        """The weighted sum, before temperature and normalisation. Leading dimensions are free.

        Args:
            network: (..., classes) log-probabilities of the model; zeros leave it out.
            expression: (..., 8) of the classifier, from `recent`.
            neutral: (..., 8) of the person's neutral state.
            k: (...) how well that is known.
        """
        spec, familiarity = self.spec, np.asarray(k, np.float64)[..., None]
        absolute = self.emotions(np.asarray(expression, np.float64))
        relative = absolute - self.emotions(np.asarray(neutral, np.float64))
        return np.asarray(
            _at(spec.network, familiarity) * network
            + _at(spec.absolute, familiarity) * absolute
            + np.where(familiarity > 0, _at(spec.relative, familiarity), 0.0) * relative
            + familiarity * spec.neutral_bias * self._is_calm
        )

    def combine(
        self,
        network: NDArray[np.floating] | None,
        expression: NDArray[np.floating],
        reference: Reference,
        modality: Modality,
        resemblance: float = 0.0,
    ) -> NDArray[np.float64]:
        """Log-probabilities (classes,) of the pool.

        Args:
            network: (classes,) log-probabilities of the model; None where it has seen too little.
            expression: (8,) of the classifier, from `recent`.
            reference: the person's neutral state.
            modality: of the window, for the temperature.
            resemblance: g, from `resemblance`.
        """
        answer = np.zeros(len(self._labels)) if network is None else network
        scores = self.scores(answer, expression, reference.log_probs, reference.familiarity)
        pooled = log_softmax(scores / self.temperature(modality))
        return pooled if network is None else log_softmax(resemblance * network + (1 - resemblance) * pooled)

    def resemblance(self, video: float | None, audio: float | None) -> float:
        """g, from the distances of face and voice; None for a stream that is not there."""
        beside_voice, of_voice, alone = self.spec.novelty_limits
        result = self.spec.resemblance_limit
        for distance, limit in ((video, alone if audio is None else beside_voice), (audio, of_voice)):
            if distance is not None and not np.isfinite(distance):
                return 0.0
            if distance is not None:
                exponent = np.clip((distance - limit) / self.spec.novelty_width, -60, 60)
                result *= float(1 / (1 + np.exp(exponent)))
        return result

    def voice_alone(self, network: NDArray[np.floating], resemblance: float) -> NDArray[np.float64]:
        """Log-probabilities (classes,) of the model for a voice without a face, doubted where it is novel."""
        weight = resemblance + (1 - resemblance) * self.spec.novel_voice_weight
        return log_softmax(weight * np.asarray(network, np.float64))

    def temperature(self, modality: Modality) -> float:
        """Of the result for these streams."""
        return self.spec.temperatures[0 if modality is Modality.AV else 1]


def log_softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalised over the last dimension."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def _at(weights: Weights, k: NDArray[np.float64]) -> NDArray[np.float64]:
    return weights[0] + (weights[1] - weights[0]) * k
