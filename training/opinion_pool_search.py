"""Search of the parameters of an opinion pool on recorded answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.expression_stats import ExpressionStats
from emolive.models.spec import ModelSpec
from emolive.opinion_pool import OpinionPool, OpinionPoolSpec, log_softmax
from emolive.smoothing import Smoother
from emolive.types import Modality
from training.evaluate.strangers import Row, score
from training.metrics import unweighted_average_recall
from training.opinion_pool_recording import Logs, StrangerRows

MODES = ("none", "neutral", "running", "person")
TARGETS = {"neutral": 0.92, "happy": 0.92, "acted": 0.85, "changing": 0.85}
"""Plausible shares to reach on strangers."""
MAX_SURE_WRONG, MAX_UNSURE = 0.06, 0.2
MARGIN = 0.03
"""The search aims at so much more than the targets, since clips of other strangers differ."""
LONGER = 20.0
"""The strangers are also scored as if each had been watched this many times as long."""
CAUTION = 0.1
"""Loss for each unit of the distances at which the network leads. Strangers of other sources may lie nearer
than these few, so a limit is no higher than the actors need."""
RESTARTS = 3
MIN_TEMPERATURE = 0.35


@dataclass(frozen=True, slots=True)
class ActorClips:
    """Held-out clips of actors."""

    truth: NDArray[np.int64]
    """(n,)"""
    network: Mapping[tuple[str, Modality], NDArray[np.floating]]
    """(mode, modality) → (n, classes) calibrated logits of networks that were not trained on the actor."""
    expression: Logs
    """(n, 8) recent log-probabilities of the classifier."""
    evidence: Mapping[str, Sequence[ExpressionStats]]
    """Mode → what was seen of the person before each clip."""
    novelty: NDArray[np.float64]
    """(n, 2) distances of face and voice from the training people; nan for a stream that is not there."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The chosen pool and what it scored."""

    pool: OpinionPoolSpec
    strangers: dict[str, Any]
    strangers_longer: dict[str, Any]
    strangers_calibrated: dict[str, Any]
    actors: dict[str, float]
    """ "mode/modality" → UAR of the pool."""
    network_actors: dict[str, float]
    """The same of the network alone."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return asdict(self)


def search(
    start: OpinionPoolSpec, problems: Mapping[str, PoolProblem], *, tries: int, seed: int
) -> dict[str, SearchResult]:
    """The best pools of several models that read the same inputs.

    How far an input lies from the training data does not depend on the model, so the novelty limits are
    shared: those with the least sum of losses. In turn each pool is searched with the limits fixed, the
    limits with the pools fixed, and each pool again. A search makes random changes of the best so far, larger
    ones first, RESTARTS times.

    Args:
        start: where the search starts.
        problems: name of each model → what its pools are scored on.
        tries: candidates for each model.
        seed: of the random changes.

    Returns:
        Name → the pool and its scores.
    """
    half = max(1, tries // 2)
    pools = {name: _best(start, problem, half, seed) for name, problem in problems.items()}
    limits = _shared_limits(pools, problems, half, seed)
    pools = {name: replace(pool, novelty_limits=limits) for name, pool in pools.items()}
    pools = {name: _best(pool, problems[name], half, seed + 1) for name, pool in pools.items()}
    return {name: problems[name].result(pool) for name, pool in pools.items()}


def _best(start: OpinionPoolSpec, problem: PoolProblem, tries: int, seed: int) -> OpinionPoolSpec:
    """The best pool of RESTARTS searches that keep the novelty limits."""

    def descend(seed: int) -> tuple[float, OpinionPoolSpec]:
        rng = np.random.default_rng(seed)
        best, best_loss = start, problem.loss(start)
        n = max(1, tries // RESTARTS)
        for i in range(n):
            candidate = _changed(best, _step(i / n), rng)
            loss = problem.loss(candidate)
            if loss < best_loss:
                best, best_loss = candidate, loss
        return best_loss, best

    return min((descend(seed + i) for i in range(RESTARTS)), key=lambda pair: pair[0])[1]


def _shared_limits(
    pools: Mapping[str, OpinionPoolSpec], problems: Mapping[str, PoolProblem], tries: int, seed: int
) -> tuple[float, float, float]:
    """The novelty limits with the least sum of losses over all models."""

    def loss(limits: tuple[float, float, float]) -> float:
        return sum(
            problem.loss(replace(pools[name], novelty_limits=limits)) for name, problem in problems.items()
        )

    rng = np.random.default_rng(seed)
    best = next(iter(pools.values())).novelty_limits
    best_loss = loss(best)
    for i in range(tries):
        beside_voice, of_voice, alone = (_moved(rng, limit, 0.3 * _step(i / tries), 0, 3) for limit in best)
        candidate = (beside_voice, of_voice, alone)
        candidate_loss = loss(candidate)
        if candidate_loss < best_loss:
            best, best_loss = candidate, candidate_loss
    return best


def _step(progress: float) -> float:
    """The size of the changes, from the progress 0..1 of a search."""
    return 0.5 * (1 - progress) + 0.05


def _moved(rng: np.random.Generator, value: float, scale: float, low: float, high: float) -> float:
    """A value, in every second call changed at random."""
    if rng.random() < 0.5:
        return value
    return float(np.clip(value + scale * rng.normal(), low, high))


def _changed(spec: OpinionPoolSpec, step: float, rng: np.random.Generator) -> OpinionPoolSpec:
    """Some parameters of `spec` changed at random. For an unknown person network and absolute add up to 1,
    which leaves the size of all weights to the temperature. The novelty limits stay."""

    def moved(value: float, scale: float, low: float, high: float) -> float:
        return _moved(rng, value, step * scale, low, high)

    network = moved(spec.network[0], 0.2, 0, 0.9)
    return replace(
        spec,
        network=(network, moved(spec.network[1], 0.5, 0, 2)),
        absolute=(1 - network, moved(spec.absolute[1], 0.4, 0, 2)),
        relative=(0.0, moved(spec.relative[1], 0.5, 0, 2)),
        neutral_bias=moved(spec.neutral_bias, 1.0, 0, 6),
        calm_offset=moved(spec.calm_offset, 0.8, -0.5, 3),
        running_limit=moved(spec.running_limit, 0.4, 0, 1),
        temperatures=(
            moved(spec.temperatures[0], 0.2, MIN_TEMPERATURE, 1),
            moved(spec.temperatures[1], 0.2, MIN_TEMPERATURE, 1),
        ),
    )


class PoolProblem:
    """Scores pools of one model on held-out clips of actors and on clips of strangers."""

    def __init__(self, spec: ModelSpec, actors: ActorClips, strangers: Sequence[StrangerRows]) -> None:
        self._spec, self._actors, self._strangers = spec, actors, strangers
        self._network = {
            key: log_softmax(np.asarray(logits, np.float64)) for key, logits in actors.network.items()
        }

    def result(self, best: OpinionPoolSpec) -> SearchResult:
        """A pool with all its scores."""
        return SearchResult(
            best,
            self.score(best),
            self.score(best, LONGER),
            self.score(best, mode="neutral"),
            self.recalls(best),
            self.network_recalls(),
        )

    def _pool(self, spec: OpinionPoolSpec) -> OpinionPool:
        return OpinionPool(spec, self._spec.labels, self._spec.bin_s)

    def _actor_scores(self, spec: OpinionPoolSpec) -> dict[tuple[str, Modality], Logs]:
        pool = self._pool(spec)
        scores = {}
        for mode in MODES:
            how = "running" if mode == "person" else mode
            references = [pool.reference(how, stats) for stats in self._actors.evidence[mode]]
            neutral = np.stack([reference.log_probs for reference in references])
            k = np.array([reference.familiarity for reference in references])
            for modality in (Modality.AV, Modality.VIDEO):
                network = self._network[mode, modality]
                pooled = pool.scores(network, self._actors.expression, neutral, k)
                novelty = self._actors.novelty
                if modality is Modality.VIDEO:
                    novelty = np.stack([novelty[:, 0], np.full(len(novelty), np.nan)], axis=1)
                scores[mode, modality] = _mixed(pool, network, pooled / pool.temperature(modality), novelty)
        return scores

    def _stranger_scores(self, spec: OpinionPoolSpec, rows: StrangerRows, longer: float) -> Logs:
        pool = self._pool(spec)
        stats = rows.evidence if longer == 1 else [_times(rows.evidence[-1], longer)] * len(rows.evidence)
        references = [pool.reference(rows.mode, each) for each in stats]
        return pool.scores(
            rows.network,
            rows.expression,
            np.stack([reference.log_probs for reference in references]),
            np.array([reference.familiarity for reference in references]),
        )

    def loss(self, spec: OpinionPoolSpec) -> float:
        """Lower is better: missed targets on strangers count ten times what recall on the actors does."""
        missed = 0.0
        for results in (
            self.score(spec),
            self.score(spec, LONGER),
            self.score(spec, mode="neutral"),
        ):
            for kind, share in results["kinds"].items():
                missed += max(0.0, TARGETS.get(kind, 0.85) + MARGIN - share["plausible"])
                missed += max(0.0, share["unsure"] - MAX_UNSURE + 0.05)
            missed += max(0.0, results["sure_wrong"] - MAX_SURE_WRONG + MARGIN)
        recalls = self.recalls(spec)
        kept = np.mean([recalls[f"{mode}/av"] + 0.3 * recalls[f"{mode}/v"] for mode in MODES])
        return 10 * missed - float(kept) + CAUTION * sum(spec.novelty_limits)

    def score(self, spec: OpinionPoolSpec, longer: float = 1.0, mode: str = "running") -> dict[str, Any]:
        """What `emolive-evaluate strangers` measures, without the list of clips."""
        pool = self._pool(spec)
        rows: dict[str, list[Row]] = {}
        clips = [clip for clip in self._strangers if clip.mode == mode]
        for clip in clips:
            scores = self._stranger_scores(spec, clip, longer)
            temperatures = np.array([pool.temperature(modality) for modality in clip.modality])
            scores = scores / temperatures[:, None]
            if clip.novelty is not None:
                # Where the network has seen too little, it has no say.
                silent = np.all(clip.network == 0, axis=1)
                scores = np.where(
                    silent.reshape(-1, 1), scores, _mixed(pool, clip.network, scores, clip.novelty)
                )
            pooled = np.exp(log_softmax(scores))
            probs = np.where(clip.has_expression[:, None], pooled, np.exp(_of_voice(pool, clip)))
            smoother = Smoother.for_spec(self._spec)
            shown = [
                (end_ns, smoother.update(tuple(row.tolist()), end_ns))
                for end_ns, row in zip(clip.end_ns, probs, strict=True)
            ]
            left_out = clip.calibration if mode == "neutral" and clip.calibration is not None else ()
            calibration = {end_ns for end_ns, out in zip(clip.end_ns, left_out, strict=False) if out}
            rows[clip.clip.path.name] = [
                Row(end_ns / 1e9, smoothed.label, smoothed.confidence)
                for end_ns, smoothed in shown
                if end_ns not in calibration
            ]
        results = score([clip.clip for clip in clips], rows)
        del results["clips"]
        return results

    def recalls(self, spec: OpinionPoolSpec) -> dict[str, float]:
        """UAR on the actors by "mode/modality"."""
        return {
            f"{mode}/{modality}": unweighted_average_recall(self._actors.truth, scores)
            for (mode, modality), scores in self._actor_scores(spec).items()
        }

    def network_recalls(self) -> dict[str, float]:
        """The same of the network alone."""
        return {
            f"{mode}/{modality}": unweighted_average_recall(self._actors.truth, logits)
            for (mode, modality), logits in self._network.items()
        }


def _mixed(pool: OpinionPool, network: Logs, scores: Logs, novelty: Logs) -> Logs:
    """Log-probabilities (n, classes) after the network's answer was mixed in, as `OpinionPool.combine`."""
    resemblance = np.array(
        [pool.resemblance(*(None if np.isnan(d) else float(d) for d in row)) for row in novelty]
    )[:, None]
    return log_softmax(resemblance * network + (1 - resemblance) * log_softmax(scores))


def _of_voice(pool: OpinionPool, clip: StrangerRows) -> Logs:
    """Log-probabilities (n, classes) of a voice alone."""
    if clip.novelty is None:
        return clip.network
    distances = [(None, None if np.isnan(audio) else float(audio)) for _, audio in clip.novelty]
    rows = zip(clip.network, distances, strict=True)
    return np.stack([pool.voice_alone(network, pool.resemblance(*each)) for network, each in rows])


def _times(stats: ExpressionStats, factor: float) -> ExpressionStats:
    return ExpressionStats(
        factor * stats.count,
        factor * stats.total,
        factor * stats.neutral_weight,
        factor * stats.neutral_total,
    )
