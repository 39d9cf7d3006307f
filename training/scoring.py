"""Predictions for clips in every normalization mode and modality, and the results computed from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec
from emolive.normalization import make_normalizer
from emolive.types import MODALITIES, Modality
from preprocessing.annotations import actor_order
from preprocessing.splits import normalize_actor_id
from training import metrics
from training.batches import IntArray, class_indices
from training.normalizer_sampler import (
    GlobalStatsPair,
    NormalizerPair,
    calibration_clips,
    session_normalizers,
)
from training.predict import Inputs, assemble, predict_logits
from training.window_dataset import WindowDataset

LIVE_MODES = ("none", "neutral", "running")
"""The normalization modes of a live session."""
EVALUATION_MODES = (*LIVE_MODES, "person")


@dataclass(frozen=True, slots=True)
class Predictions:
    """Logits for the clips that are scored."""

    clips: IntArray
    """(n,) indices of the clips; calibration clips are not among them."""
    truth: IntArray
    """(n,) class of each clip."""
    actors: tuple[str, ...]
    logits: dict[tuple[str, str], NDArray[np.float32]]
    """(mode, modality) → (n, classes)"""


@dataclass(frozen=True, slots=True)
class Validation:
    """The clips by which an epoch is chosen, once for each normalization mode."""

    inputs: tuple[Inputs, ...]
    truth: IntArray

    def scores(self, net: EmotionNet) -> dict[str, float]:
        """Means over the normalization modes: val_top1, val_uar and val_loss."""
        rows = []
        for inputs in self.inputs:
            probs = metrics.softmax(predict_logits(net, inputs))
            of_truth = np.maximum(probs[np.arange(len(self.truth)), self.truth], 1e-12)
            rows.append(
                (
                    metrics.accuracy(self.truth, probs),
                    metrics.unweighted_average_recall(self.truth, probs),
                    float(-np.log(of_truth).mean()),
                )
            )
        top1, uar, loss = np.mean(rows, axis=0)
        return {"val_top1": float(top1), "val_uar": float(uar), "val_loss": float(loss)}


def scored_clips(dataset: WindowDataset, clips: IntArray) -> IntArray:
    """The clips without those used for calibration, which no mode scores, so that modes are comparable."""
    return clips[~np.isin(clips, list(calibration_clips(dataset.items, dataset.neutral)))]


def evaluation_normalizers(
    dataset: WindowDataset, clips: IntArray, mode: str, global_stats: GlobalStatsPair, spec: ModelSpec
) -> list[NormalizerPair]:
    """`session_normalizers`, or placeholders for a model of raw features, which does not use them."""
    if spec.baselines:
        return session_normalizers(dataset, clips.tolist(), mode, global_stats)
    return [
        (make_normalizer("none", global_stats.video, None), make_normalizer("none", global_stats.audio, None))
    ] * len(clips)


def predict_all(
    net: EmotionNet,
    dataset: WindowDataset,
    clips: IntArray,
    global_stats: GlobalStatsPair,
    *,
    modes: Sequence[str] = EVALUATION_MODES,
    modalities: Sequence[Modality] = (),
) -> Predictions:
    """Logits in each mode and modality (by default all that the network learned).

    A model of raw features has the mode none alone.
    """
    spec = net.spec
    modalities = modalities or spec.modalities
    scored = scored_clips(dataset, clips)
    logits = {}
    for mode in modes if spec.baselines else ("none",):
        normalizers = evaluation_normalizers(dataset, scored, mode, global_stats, spec)
        for modality in modalities:
            if not len(scored):
                logits[mode, str(modality)] = np.zeros((0, len(spec.labels)), np.float32)
                continue
            inputs = assemble(dataset, scored.tolist(), normalizers, spec, modality=modality)
            logits[mode, str(modality)] = predict_logits(net, inputs)
    return Predictions(
        scored,
        class_indices(dataset, spec.labels)[scored],
        tuple(normalize_actor_id(dataset.items[int(i)].actor) for i in scored),
        logits,
    )


def validation_set(
    dataset: WindowDataset,
    clips: IntArray,
    global_stats: GlobalStatsPair,
    spec: ModelSpec,
    modality: Modality,
) -> Validation:
    """The inputs of some clips in the normalization modes of a live session."""
    scored = scored_clips(dataset, clips)
    inputs: list[Inputs] = []
    for mode in LIVE_MODES if spec.baselines else ("none",):
        normalizers = evaluation_normalizers(dataset, scored, mode, global_stats, spec)
        inputs.append(assemble(dataset, scored.tolist(), normalizers, spec, modality=modality))
    return Validation(tuple(inputs), class_indices(dataset, spec.labels)[scored])


def fit_temperatures(
    truth: IntArray, logits: Mapping[tuple[str, str], NDArray[np.floating]]
) -> dict[str, float]:
    """A temperature for each modality that there are logits of, fitted over all normalization modes.

    One stream alone is right less often than both, and needs another temperature to be as well calibrated.

    Args:
        truth: (n,)
        logits: (mode, modality) → (n, classes).
    """
    temperatures: dict[str, float] = {}
    for modality in MODALITIES:
        of_modality = [values for (_, name), values in logits.items() if name == modality]
        if not of_modality:
            continue
        temperatures[str(modality)] = metrics.fit_temperature(
            np.tile(truth, len(of_modality)), np.concatenate(of_modality)
        )
    return temperatures


def summarize(
    truth: IntArray, actors: Sequence[str], probs: NDArray[np.float64], labels: Sequence[str]
) -> dict[str, Any]:
    """All results of one mode and modality, as shares from 0 to 1."""
    # One person drawn again and again has no spread: an interval would claim certainty.
    top1: tuple[float | None, float | None] = None, None
    uar: tuple[float | None, float | None] = None, None
    if len(set(actors)) > 1:
        top1, uar = ((i.low, i.high) for i in metrics.bootstrap_intervals(truth, probs, actors))
    recalls = metrics.class_recalls(truth, probs)
    rows_of = {
        actor: np.flatnonzero(np.asarray(actors) == actor) for actor in sorted(set(actors), key=actor_order)
    }
    return {
        "n": len(truth),
        "top1": metrics.accuracy(truth, probs),
        "top5": metrics.accuracy(truth, probs, top_k=5),
        "uar": metrics.unweighted_average_recall(truth, probs),
        "ece": metrics.calibration_error(truth, probs),
        "top1_interval": list(top1),
        "uar_interval": list(uar),
        "per_class_recall": recall_by_label(recalls, labels),
        "confusion": metrics.confusion_matrix(truth, probs).tolist(),
        "per_actor_top1": {
            actor: metrics.accuracy(truth[rows], probs[rows]) for actor, rows in rows_of.items()
        },
    }


def recall_by_label(recalls: NDArray[np.float64], labels: Sequence[str]) -> dict[str, float | None]:
    """Recall of each label for a JSON file: None for a class without samples."""
    return {
        label: None if np.isnan(recall) else float(recall)
        for label, recall in zip(labels, recalls, strict=True)
    }
