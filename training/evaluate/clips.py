"""Evaluation of a checkpoint on annotated clips, with the same inputs as in `emolive analyze`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from emolive import paths
from emolive.cli.config import Arg, Range
from emolive.errors import ConfigError
from emolive.models.io.checkpoint import Checkpoint
from emolive.types import MODALITIES, Modality
from preprocessing import annotations as annotation_files
from preprocessing.annotations import Annotations
from preprocessing.progress import ProgressBar
from preprocessing.splits import normalize_actor_id
from training import metrics, scoring, window_dataset
from training.batches import IntArray, class_indices
from training.data_checks import check_evaluated_data
from training.normalizer_sampler import load_global_stats
from training.predict import Noise, assemble, predict_logits


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """Which clips to evaluate on, and how."""

    annotations: Annotated[Path, Arg(metavar="FILE", aliases=("annotation-path",))]
    """Annotation file: annotations.csv, or the published annotations.txt."""
    split: str = ""
    """Split to evaluate: training, validation or testing (default: all clips)."""
    modality: Literal["av", "a", "v"] = "av"
    """Streams to use; the other one is left out."""
    baseline: Literal["none", "neutral", "running", "person"] = "running"
    """Normalization: neutral uses two neutral clips, running the clips before, person all clips."""
    json: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Write the results and the probabilities of each clip."""
    cache: Annotated[Path | None, Arg(metavar="FOLDER", aliases=("cache-path",))] = None
    """Folder for extracted windows (default: in the user's data folder)."""
    allow_outside: bool = False
    """Accept paths that leave the annotation file's folder."""
    skip_faults: bool = False
    """Leave out clips that cannot be read."""
    strict: bool = False
    """Refuse clips that the check of the data has something to say about."""
    workers: Annotated[int, Range(0, 1024)] = 0
    """Processes that extract windows; 0 uses this process."""


class ClipEvaluation:
    """One checkpoint and the clips that it is evaluated on.

    Args:
        checkpoint: the model.
        options: the clips.
        console: for progress and warnings.

    Raises:
        EmoliveError: a clip cannot be read, or has a label that the model does not have.
    """

    def __init__(self, checkpoint: Checkpoint, options: ClipOptions, console: Console) -> None:
        self.checkpoint, self.options = checkpoint, options
        spec = checkpoint.spec
        annotations, scored_ids = _clips_of(options)
        self.findings = check_evaluated_data(
            spec.labels, checkpoint.provenance, annotations, scored_ids, console, strict=options.strict
        )
        with ProgressBar(console, "Extracting windows", "clips") as bar:
            self.dataset = window_dataset.build(
                annotations,
                spec,
                cache=options.cache or paths.user_dir() / "windows",
                shifts_s=(0.0,),
                net=checkpoint.net,
                skip_faults=options.skip_faults,
                workers=options.workers,
                progress=bar,
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
        return f"{self.checkpoint.spec.fusion}, baseline {self.baseline}, {self.options.modality}"

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
        temperature = float(net.temperature[MODALITIES.index(modality)])
        probs = metrics.softmax(predict_logits(net, inputs), temperature)
        used = np.array([float(streams is not None) for streams in inputs.modality])
        of_clip = np.zeros((len(self.clips), probs.shape[1]))
        np.add.at(of_clip, self._clip_of_part, probs * np.maximum(used, 1e-9)[:, None])
        of_clip /= of_clip.sum(axis=1, keepdims=True)
        return of_clip

    def results(self, probs: NDArray[np.float64]) -> dict[str, Any]:
        """The content of `--json`: shares from 0 to 1, and top-1 and top-5 in percent."""
        labels = self.checkpoint.spec.labels
        summary = scoring.summarize(self.truth, self.actors, probs, labels)
        return {
            "checkpoint": str(self.checkpoint.path),
            "fusion": self.checkpoint.spec.fusion,
            "annotations": str(self.options.annotations),
            "split": self.options.split,
            "baseline": self.baseline,
            "modality": self.options.modality,
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
