"""Reads clips with a network in every baseline mode and modality, and counts what was right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec
from emolive.normalization import Normalizer, make_normalizer
from emolive.types import MODALITIES, Modality
from preprocessing.splits import normalize_actor_id
from training import metrics
from training.batches import IntArray, targets
from training.normalizer_sampler import GlobalStatsPair, calibration_clips, session_baselines
from training.predict import Inputs, inputs, logits
from training.window_dataset import WindowDataset

MODES = ("none", "neutral", "running", "person")


@dataclass(frozen=True, slots=True)
class Predictions:
    """The clips that count, and what a network says of them in each mode and modality."""

    clips: IntArray
    """Indices of the clips; calibration clips are not among them."""
    truth: IntArray
    actors: tuple[str, ...]
    logits: dict[tuple[str, str], NDArray[np.float32]]
    """(mode, modality) → (n, classes)"""


@dataclass(frozen=True, slots=True)
class Validation:
    """What an epoch is judged by: the same clips, once for each baseline mode."""

    given: tuple[Inputs, ...]
    truth: IntArray

    def figures(self, net: EmotionNet) -> dict[str, float]:
        """Means over the baseline modes: val_top1, val_uar and val_loss."""
        found = []
        for given in self.given:
            probs = metrics.softmax(logits(net, given))
            right = np.maximum(probs[np.arange(len(self.truth)), self.truth], 1e-12)
            found.append(
                (
                    metrics.top_k(self.truth, probs, 1),
                    metrics.uar(self.truth, probs),
                    float(-np.log(right).mean()),
                )
            )
        top1, uar, loss = np.mean(found, axis=0)
        return {"val_top1": float(top1), "val_uar": float(uar), "val_loss": float(loss)}


def scored_clips(windows: WindowDataset, clips: IntArray) -> IntArray:
    """Without the clips that stand for a calibration: they count in no mode, so that modes compare."""
    return clips[~np.isin(clips, list(calibration_clips(windows.items)))]


def predict_all(
    net: EmotionNet,
    windows: WindowDataset,
    clips: IntArray,
    known: GlobalStatsPair,
    *,
    modes: Sequence[str] = MODES,
    modalities: Sequence[Modality] = MODALITIES,
) -> Predictions:
    """Read clips in each mode and modality; a model of raw features has the mode none alone."""
    spec = net.spec
    counted = scored_clips(windows, clips)
    found = {}
    for mode in modes if spec.baselines else ("none",):
        drawn = baselines_of(windows, counted, mode, known, spec)
        for modality in modalities:
            given = inputs(windows, counted.tolist(), drawn, spec, modality=modality)
            found[mode, str(modality)] = logits(net, given)
    return Predictions(
        counted,
        targets(windows, spec.labels)[counted],
        tuple(normalize_actor_id(windows.items[int(i)].actor) for i in counted),
        found,
    )


def temperatures(truth: IntArray, found: Mapping[tuple[str, str], NDArray[np.floating]]) -> dict[str, float]:
    """For each of MODALITIES the one that is likeliest over all baseline modes.

    A face or a voice alone is right less often than both, and would else sound as sure as they.

    Args:
        truth: (n,)
        found: (mode, modality) → (n, classes) logits.
    """
    told: dict[str, float] = {}
    for modality in MODALITIES:
        raw = [values for (_, way), values in found.items() if way == modality]
        told[modality] = metrics.fit_temperature(np.tile(truth, len(raw)), np.concatenate(raw))
    return told


def baselines_of(
    windows: WindowDataset, clips: IntArray, mode: str, known: GlobalStatsPair, spec: ModelSpec
) -> list[tuple[Normalizer, Normalizer]]:
    """`session_baselines`, or stand-ins for a model that takes raw features."""
    if spec.baselines:
        return session_baselines(windows, clips.tolist(), mode, known)
    pair = make_normalizer("none", known.face, None), make_normalizer("none", known.voice, None)
    return [pair] * len(clips)


def validation(
    windows: WindowDataset, clips: IntArray, known: GlobalStatsPair, spec: ModelSpec, modality: str
) -> Validation:
    """The clips by which an epoch is chosen, in the three modes that a live session has."""
    counted = scored_clips(windows, clips)
    given: list[Inputs] = []
    for mode in MODES[:3] if spec.baselines else ("none",):
        drawn = baselines_of(windows, counted, mode, known, spec)
        given.append(inputs(windows, counted.tolist(), drawn, spec, modality=cast(Modality, modality)))
    return Validation(tuple(given), targets(windows, spec.labels)[counted])


def figures(
    truth: IntArray, actors: Sequence[str], probs: NDArray[np.float64], labels: Sequence[str]
) -> dict[str, Any]:
    """All that is reported of one mode and modality; shares, not percent."""

    def interval(figure: Callable[[IntArray, NDArray[np.float64]], float]) -> list[float]:
        found = metrics.bootstrap(actors, lambda rows: figure(truth[rows], probs[rows]))
        return [found.low, found.high]

    recall = metrics.recalls(truth, probs)
    return {
        "n": len(truth),
        "top1": metrics.top_k(truth, probs, 1),
        "top5": metrics.top_k(truth, probs, 5),
        "uar": metrics.uar(truth, probs),
        "ece": metrics.ece(truth, probs),
        "top1_interval": interval(lambda t, p: metrics.top_k(t, p, 1)),
        "uar_interval": interval(metrics.uar),
        "per_class_recall": {
            label: None if np.isnan(share) else float(share)
            for label, share in zip(labels, recall, strict=True)
        },
        "confusion": metrics.confusion(truth, probs).tolist(),
        "per_actor_top1": {
            actor: metrics.top_k(truth[rows], probs[rows], 1)
            for actor in sorted(set(actors), key=lambda a: (len(a), a))
            if len(rows := np.flatnonzero(np.asarray(actors) == actor))
        },
    }
