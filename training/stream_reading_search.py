"""Search of the parameters with which a model reads streams, on recorded answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.opinion_pool import log_softmax
from emolive.stream_reading import SmoothingSpec, StreamReadingSpec
from emolive.types import MODALITIES, UNSURE
from training import metrics
from training.evaluate.stream_metrics import Hop, measure
from training.streams import Span

MAX_CHANGES_PER_MIN = 27.5
MAX_REACTION_S, MAX_REACTION_P90_S = 1.1, 2.5
MAX_NEVER_RIGHT = 0.05
"""Aims of the search besides right hops; what lies beyond them costs."""
MIN_SHOW, MIN_KEEP = 0.25, 0.2
"""Bounds of the doubt: right hops alone would never call an answer unsure. A label of eight that is less than
twice as probable as by chance is not displayed."""

Logs = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StreamAnswers:
    """The answers of a network for the windows of one stream of a person it was not trained on."""

    spans: tuple[Span, ...]
    t_s: NDArray[np.float64]
    """(H,) ends of the windows."""
    modality: NDArray[np.int64]
    """(H,) index in `MODALITIES`; -1 where there is nothing to read."""
    whole: Logs
    """(H, classes) log-probabilities from all of the window."""
    short: Logs
    """(H, classes) from its newest part; those of the whole window where that part has nothing."""

    def truth(self, labels: Sequence[str]) -> NDArray[np.int64]:
        """(H,) the true class at the end of each window."""
        ends = np.array([span.to_s for span in self.spans])
        at = np.minimum(np.searchsorted(ends, self.t_s - 1e-6), len(ends) - 1)
        return np.array([labels.index(self.spans[i].label) for i in at])


Recorded = Mapping[str, Sequence[StreamAnswers]]
"""Baseline → streams."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The chosen parameters and what they scored, by baseline."""

    reading: StreamReadingSpec
    scores: dict[str, dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return asdict(self)


def search(
    start: StreamReadingSpec, recorded: Recorded, labels: tuple[str, ...], *, tries: int, seed: int
) -> SearchResult:
    """The best parameters that were found: random changes of the best so far, larger ones first."""
    rng = np.random.default_rng(seed)
    best = with_temperatures(start, recorded, labels)
    best_loss = loss(best, recorded, labels)
    for i in range(tries):
        candidate = _changed(best, 0.5 * (1 - i / tries) + 0.05, rng)
        if candidate.short_weight != best.short_weight:
            candidate = with_temperatures(candidate, recorded, labels)
        candidate_loss = loss(candidate, recorded, labels)
        if candidate_loss < best_loss:
            best, best_loss = candidate, candidate_loss
    return SearchResult(best, {mode: score(best, recorded[mode], labels) for mode in recorded})


def _changed(spec: StreamReadingSpec, step: float, rng: np.random.Generator) -> StreamReadingSpec:
    def moved(value: float, scale: float, low: float, high: float) -> float:
        if rng.random() < 0.5:
            return value
        return float(np.clip(value + step * scale * rng.normal(), low, high))

    smoothing = spec.smoothing
    show = moved(smoothing.show, 0.1, MIN_SHOW, 0.5)
    return replace(
        spec,
        short_weight=moved(spec.short_weight, 0.4, 0, 1),
        smoothing=SmoothingSpec(
            rate=moved(smoothing.rate, 0.3, 0.05, 1),
            jump=moved(smoothing.jump, 0.8, 0, 3),
            margin=moved(smoothing.margin, 0.1, 0, 0.3),
            show=show,
            keep=min(show, moved(smoothing.keep, 0.1, MIN_KEEP, 0.5)),
        ),
    )


def mixed(spec: StreamReadingSpec, answers: StreamAnswers) -> Logs:
    """(H, classes) log-probabilities as `emolive.predictor.Predictor` combines them."""
    weight = spec.short_weight
    logs = weight * answers.short + (1 - weight) * answers.whole
    temperatures = np.array(spec.temperatures)[answers.modality]
    return log_softmax(logs / temperatures[:, None])


def with_temperatures(
    spec: StreamReadingSpec, recorded: Recorded, labels: tuple[str, ...]
) -> StreamReadingSpec:
    """The same with temperatures that are calibrated on the streams, one for each modality."""
    plain = replace(spec, temperatures=(1.0, 1.0, 1.0))
    streams = [answers for mode in recorded for answers in recorded[mode]]
    logits = np.concatenate([mixed(plain, answers) for answers in streams])
    truth = np.concatenate([answers.truth(labels) for answers in streams])
    modality = np.concatenate([answers.modality for answers in streams])
    fitted = []
    for index in range(len(MODALITIES)):
        rows = modality == index
        fitted.append(metrics.fit_temperature(truth[rows], logits[rows]) if rows.sum() > 50 else 1.0)
    return replace(spec, temperatures=(fitted[0], fitted[1], fitted[2]))


def displayed(spec: SmoothingSpec, log_probs: Sequence[Logs]) -> list[NDArray[np.int64]]:
    """The displayed class of each window, -1 for UNSURE, of several streams at once.

    The same as `emolive.smoothing.Smoother` for windows without gaps; a row of zeros continues the last one.
    """
    longest = max(map(len, log_probs))
    n, classes = len(log_probs), log_probs[0].shape[1]
    padded = np.full((n, longest, classes), 1 / classes)
    for row, values in zip(padded, log_probs, strict=True):
        row[: len(values)] = np.exp(values)
    rows = np.arange(n)
    probs = padded[:, 0]
    shown = np.full((n, longest), -1)
    label = np.full(n, -1)
    for t in range(longest):
        if t:
            rate = np.minimum(1.0, spec.rate + spec.jump * _divergence(padded[:, t], probs))
            probs = (1 - rate[:, None]) * probs + rate[:, None] * padded[:, t]
        leader = probs.argmax(axis=1)
        current = probs[rows, label]
        stays = (label >= 0) & (probs[rows, leader] - current <= spec.margin) & (current >= spec.keep)
        label = np.where(stays, label, np.where(probs[rows, leader] >= spec.show, leader, -1))
        shown[:, t] = label
    return [row[: len(values)] for row, values in zip(shown, log_probs, strict=True)]


def _divergence(p: Logs, q: Logs) -> NDArray[np.float64]:
    """(n,) Jensen-Shannon divergences of rows, as `emolive.smoothing.divergence`."""
    tiny = 1e-300
    mean = np.log((p + q) / 2 + tiny)
    parts = (p * (np.log(p + tiny) - mean)).sum(axis=1) + (q * (np.log(q + tiny) - mean)).sum(axis=1)
    return np.asarray(np.clip(parts / 2, 0.0, log(2)))


def score(
    spec: StreamReadingSpec, streams: Sequence[StreamAnswers], labels: tuple[str, ...]
) -> dict[str, Any]:
    """What `emolive-evaluate stream` measures."""
    logs = [mixed(spec, answers) for answers in streams]
    names = (*labels, UNSURE)
    pairs = []
    for answers, log_probs, shown in zip(streams, logs, displayed(spec.smoothing, logs), strict=True):
        raw = log_probs.argmax(axis=1)
        hops = [
            Hop(float(t_s), labels[r] if m >= 0 else "", names[s] if m >= 0 else "")
            for t_s, r, s, m in zip(answers.t_s, raw, shown, answers.modality, strict=True)
        ]
        pairs.append((answers.spans, hops))
    return measure(pairs)


def loss(spec: StreamReadingSpec, recorded: Recorded, labels: tuple[str, ...]) -> float:
    """Lower is better: right hops, and what lies beyond the aims."""
    total = 0.0
    for streams in recorded.values():
        result = score(spec, streams, labels)
        p90_s = result["reaction_p90_s"]
        total -= result["hop_uar_shown"]
        total += 0.05 * max(0.0, result["label_changes_per_min"] - MAX_CHANGES_PER_MIN)
        total += 0.1 * max(0.0, (result["reaction_median_s"] or 9.0) - MAX_REACTION_S)
        total += 0.03 * max(0.0, min(9.0, p90_s or 9.0) - MAX_REACTION_P90_S)
        total += max(0.0, result["never_right"] - MAX_NEVER_RIGHT)
    return total / len(recorded)
