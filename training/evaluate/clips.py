"""Evaluation of a checkpoint on annotated clips, with the same inputs as in `emolive analyze`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from emolive import paths
from emolive.errors import ConfigError
from emolive.models.io import checkpoint as checkpoints
from emolive.models.io import onnx
from emolive.models.io.checkpoint import Checkpoint
from emolive.models.io.onnx import OnnxCheckpoint
from emolive.models.spec import ModelSpec
from emolive.types import MODALITIES, Modality
from preprocessing import annotations as annotation_files
from preprocessing.annotations import Annotations
from preprocessing.progress import ProgressBar
from preprocessing.splits import normalize_actor_id
from training import metrics, scoring, window_dataset
from training.batches import IntArray, class_indices
from training.data_checks import check_evaluated_data
from training.evaluate.options import ClipOptions
from training.learned import neutral_label, trained_neutral
from training.normalizer_sampler import load_global_stats
from training.predict import Noise, assemble, predict_logits


class ClipEvaluation:
    """One checkpoint and the clips that it is evaluated on.

    Args:
        checkpoint: the model.
        options: the clips.
        console: for progress and warnings.

    Raises:
        EmoliveError: a clip cannot be read, or has a label that the model does not have.
    """

    def __init__(
        self,
        checkpoint: Checkpoint | OnnxCheckpoint,
        options: ClipOptions,
        console: Console,
        *,
        subject: str = "The checkpoint",
        said: set[str] | None = None,
    ) -> None:
        self.checkpoint, self.options = checkpoint, options
        spec = checkpoint.spec
        self.modality = modality_of(options.modality, spec)
        """The streams that are used: those of the options, as far as the model learned them."""
        if spec.limits:
            console.print(spec.limits, style="yellow", markup=False, highlight=False)
        annotations, scored_ids = _clips_of(options)
        neutral = _neutral_of(checkpoint, options, annotations)
        self.findings = check_evaluated_data(
            spec.labels,
            checkpoint.provenance,
            annotations,
            scored_ids,
            console,
            strict=options.strict,
            neutral=neutral,
            subject=subject,
            said=said,
        )
        with ProgressBar(console, "Extracting windows", "clips") as bar:
            self.dataset = window_dataset.build(
                annotations,
                spec,
                cache=options.cache or paths.window_cache_dir(),
                shifts_s=(0.0,),
                net=checkpoint.net if isinstance(checkpoint, Checkpoint) else checkpoint,
                skip_faults=options.skip_faults,
                workers=options.workers,
                progress=bar,
                neutral=neutral,
            )
        for sentence in self.dataset.failed:
            console.print(sentence, style="yellow", markup=False)
        self.global_stats = load_global_stats(checkpoint.net)
        indices = np.array(
            [i for i, item in enumerate(self.dataset.items) if item.id in scored_ids], np.int64
        )
        self._parts: IntArray = scoring.scored_clips(self.dataset, indices)
        if not len(self._parts):
            raise ConfigError("No clip is left to score: all of them serve as a neutral calibration.")
        numbers: dict[str, int] = {}
        self._clip_of_part: IntArray = np.array(
            [numbers.setdefault(self.dataset.items[int(i)].id, len(numbers)) for i in self._parts], np.int64
        )
        self.clips: IntArray = self._parts[np.unique(self._clip_of_part, return_index=True)[1]]
        """(n,) indices of the scored clips, of long ones that of their first part."""
        self.truth: IntArray = class_indices(self.dataset, spec.labels)[self.clips]
        self.actors = [normalize_actor_id(self.dataset.items[int(i)].actor) for i in self.clips]
        self.baseline = options.baseline if spec.baselines else "none"

    @property
    def title(self) -> str:
        """Heading of a table or plot."""
        return f"{self.checkpoint.spec.fusion}, baseline {self.baseline}, {self.modality}"

    def probs(self, modality: Modality, noise: Noise = "") -> NDArray[np.float64]:
        """(n, classes) calibrated probabilities; uniform for a clip with neither stream.

        Those of a long clip are the mean over its parts that have a stream.
        """
        spec, net = self.checkpoint.spec, self.checkpoint.net
        normalizers = scoring.evaluation_normalizers(
            self.dataset, self._parts, self.baseline, self.global_stats, spec
        )
        inputs = assemble(
            self.dataset, self._parts.tolist(), normalizers, spec, modality=modality, noise=noise
        )
        # A clip that lacks a stream is calibrated as one of the other stream alone, as in a session.
        calibrated = [modality if streams is None else streams for streams in inputs.modality]
        temperatures = net.temperature.numpy()[[MODALITIES.index(streams) for streams in calibrated]]
        probs = metrics.softmax(predict_logits(net, inputs) / temperatures[:, None])
        used = np.array([float(streams is not None) for streams in inputs.modality])
        of_clip = np.zeros((len(self.clips), probs.shape[1]))
        np.add.at(of_clip, self._clip_of_part, probs * np.maximum(used, 1e-9)[:, None])
        of_clip /= of_clip.sum(axis=1, keepdims=True)
        return of_clip

    def results(self, probs: NDArray[np.float64]) -> dict[str, Any]:
        """The content of `--json`: shares from 0 to 1, and top-1 and top-5 in percent."""
        labels = self.checkpoint.spec.labels
        summary = scoring.summarize(self.truth, self.actors, probs, labels)
        summary["per_class_recall"] |= dict.fromkeys(self.checkpoint.spec.unlearned)
        return {
            "checkpoint": str(self.checkpoint.path),
            "fusion": self.checkpoint.spec.fusion,
            "annotations": str(self.options.annotations),
            "split": self.options.split,
            "baseline": self.baseline,
            "modality": str(self.modality),
            "labels": list(labels),
            **summary,
            "top1_percent": 100 * summary["top1"],
            "top5_percent": 100 * summary["top5"],
            "failed": list(self.dataset.failed),
            "data_check": [finding.text for finding in self.findings],
            "rows": [
                {
                    "id": self.dataset.items[int(clip)].id,
                    "label": labels[truth],
                    "actor": actor,
                    "probs": dict(zip(labels, map(float, row), strict=True)),
                }
                for clip, truth, actor, row in zip(self.clips, self.truth, self.actors, probs, strict=True)
            ],
        }


def load_any(path: Path, fusion: str | None = None) -> Checkpoint | OnnxCheckpoint:
    """A checkpoint, or one that was exported to ONNX.

    Args:
        path: the file.
        fusion: refuse any other fusion.

    Raises:
        CheckpointError: the file is missing, damaged or does not fit.
    """
    if checkpoints.is_onnx(path):
        return onnx.load(path, fusion=fusion)
    return checkpoints.load(path, fusion=fusion)


def modality_of(asked: str, spec: ModelSpec) -> Modality:
    """The modality to evaluate in: with "av" what the model learned.

    Raises:
        ConfigError: one stream alone is asked for, and the model did not learn it.
    """
    if asked == "av":
        return spec.modalities[0]
    if (modality := Modality(asked)) in spec.modalities:
        return modality
    raise ConfigError(f"--modality {asked} is not possible. {spec.limits}")


def _neutral_of(
    checkpoint: Checkpoint | OnnxCheckpoint, options: ClipOptions, annotations: Annotations
) -> str:
    if options.neutral_label:
        return neutral_label(options.neutral_label, annotations.labels)
    return trained_neutral(checkpoint.provenance)


def _clips_of(options: ClipOptions) -> tuple[Annotations, set[str]]:
    """The clips to extract (all of the speakers, for their normalizers), and the ids of those to score."""
    annotations = annotation_files.read(
        options.annotations, allow_outside=options.allow_outside, check_files=not options.skip_faults
    )
    scored = annotations.of(options.split) if options.split else annotations
    speakers = {normalize_actor_id(item.actor) for item in scored.items if item.actor}
    ids = {item.id for item in scored.items}
    items = tuple(
        item
        for item in annotations.items
        if item.id in ids or (item.actor and normalize_actor_id(item.actor) in speakers)
    )
    return Annotations(items, annotations.root), ids
