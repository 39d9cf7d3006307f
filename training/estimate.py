"""What a run will take: `--dry_run` extracts a few clips and trains two steps on them.

All of it is in a temporary folder, which is removed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

import numpy as np
from lightning.fabric import Fabric
from rich.console import Console

from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec
from emolive.process_stats import peak_rss_bytes
from emolive.quantities import duration_text, size_text
from preprocessing.annotations import Annotations, ClipEntry
from preprocessing.estimate import Stopwatch, folder_bytes, spread
from preprocessing.splits import Fold
from training import window_dataset
from training.config import TrainConfig
from training.data_module import (
    DataModule,
    Split,
    build_model,
    check_training_clips,
    extract,
    split_names,
    start_of,
    window_folder,
)
from training.fabric import make_fabric
from training.fit import prepare
from training.learned import neutral_label

SAMPLE = 4
"""Clips that are extracted."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run takes on this machine."""

    sampled: int
    """Clips that this is measured on."""
    clips: int
    clip_s: float
    """In which the windows of a clip are extracted by one process."""
    workers: int
    """Processes that extract."""
    cache_bytes: float
    is_cached: bool
    """Whether the windows are extracted already."""
    epochs: int
    steps: int
    """Of an epoch."""
    step_s: float
    epoch_s: float
    """Of an epoch's steps, and of the backbone's features of the clips that it needs anew."""
    runs: int
    memory_bytes: int | None
    """Peak so far; None where the system does not report it."""

    @property
    def extraction_s(self) -> float:
        """Of all clips."""
        return self.clip_s * self.clips / self.workers

    @property
    def training_s(self) -> float:
        """Of all runs."""
        return self.runs * self.epochs * self.epoch_s

    def sentences(self, cache: Path) -> list[str]:
        """For people; `cache` is the folder of the windows."""
        size = size_text(self.cache_bytes)
        windows = f"their windows, {size}, are in {cache} already."
        if not self.is_cached:
            windows = (
                f"their windows take about {duration_text(self.extraction_s)} "
                f"({duration_text(self.clip_s)} a clip, processes: {self.workers}) and {size} of disk in "
                f"{cache}."
            )
        runs = f"{self.runs} runs of " if self.runs > 1 else ""
        memory = [] if self.memory_bytes is None else [f"Memory: about {size_text(self.memory_bytes)}."]
        return [
            f"{self.clips:,} clips: {windows}",
            f"Training takes about {duration_text(self.training_s)}: {runs}{self.epochs} epochs of "
            f"{self.steps} steps of {duration_text(self.step_s)}.",
            *memory,
            f"Measured on {self.sampled} clips under the present load. Nothing was written.",
        ]


def print_estimate(
    config: TrainConfig, annotations: Annotations, folds: Sequence[Fold | None], console: Console
) -> None:
    """Measure a few clips and steps, and print what one training for each fold would take.

    Args:
        config: options of the run.
        annotations: all its clips.
        folds: the splits; None for the annotations' own.
        console: for the sentences.

    Raises:
        EmoliveError: a clip cannot be read, or the options do not fit each other or the data.
    """
    names = split_names(annotations.items, folds[0])
    check_training_clips(names)
    with console.status("Measuring a few clips"):
        measured = estimate(config, annotations, names, runs=len(folds))
    for sentence in measured.sentences(window_folder(config)):
        console.print(sentence, markup=False, highlight=False)


def estimate(
    config: TrainConfig, annotations: Annotations, names: Sequence[str], *, runs: int = 1
) -> Estimate:
    """Measure a few clips and steps; nothing stays on the disk.

    Args:
        config: options of the run.
        annotations: all its clips.
        names: the subset of each clip: training, validation, testing.
        runs: trainings on as many clips, as in a cross-validation.

    Raises:
        EmoliveError: a clip cannot be read, or the options do not fit each other or the data.
    """
    items = annotations.items
    start, spec = start_of(config, annotations)
    training = [item for item, name in zip(items, names, strict=True) if name == "training"]
    watch = Stopwatch()
    with tempfile.TemporaryDirectory(prefix="emolive-") as folder:
        here = replace(config, cache_path=folder, devices=1, num_nodes=1, workers=0)
        fabric = make_fabric(here)
        data = extract(
            here,
            Annotations(tuple(_sample(training)), annotations.root),
            start,
            spec,
            neutral_label(config.neutral_label, annotations.labels),
            device=str(fabric.device),
            progress=watch,
        )
        sampled = len({item.id for item in data.dataset.items})
        clip_bytes = folder_bytes(Path(folder)) / sampled
        data = replace(data, spec=replace(spec, streams=config.modality))
        step_s = _step_s(here, data, Path(folder), fabric)
        encoding_s = _encoding_s(data) / sampled
        n_passes = 1 + len(data.conditions)
        # A memory map would keep Windows from deleting the folder.
        del data
    steps = len(training) // min(config.batch_size, len(training))
    return Estimate(
        sampled=sampled,
        clips=len(items),
        clip_s=watch.step_s * n_passes,
        workers=max(1, config.workers),
        cache_bytes=clip_bytes * len(items),
        is_cached=_is_cached(config, annotations, start, spec),
        epochs=config.n_epochs,
        steps=steps,
        step_s=step_s,
        epoch_s=steps * step_s + encoding_s * _encoded_clips(config, spec, names),
        runs=runs,
        memory_bytes=peak_rss_bytes(),
    )


def _sample(items: Sequence[ClipEntry]) -> list[ClipEntry]:
    """A few clips of different labels, in the order of the list."""
    labels = spread(sorted({item.label for item in items}), SAMPLE)
    chosen = [spread([item for item in items if item.label == label], 1)[0] for label in labels]
    others = spread([item for item in items if item not in chosen], SAMPLE - len(chosen))
    return [item for item in items if item in chosen or item in others]


def _step_s(config: TrainConfig, data: DataModule, folder: Path, fabric: Fabric) -> float:
    """Seconds of a training step, on batches of the size of the run."""
    n = len(data.dataset.items)
    clips = np.resize(np.arange(n), max(n, config.batch_size))
    none = np.arange(0)
    trainer = prepare(config, data, Split(clips, none, none), folder, fabric).trainer
    trainer.measure_step_s()  # the first is slower
    return trainer.measure_step_s()


def _encoding_s(data: DataModule) -> float:
    """Seconds in which the features of all clips are computed anew; 0 where they are stored."""
    if data.crops is None:
        return 0.0
    began_s = monotonic()
    data.crops.encode(build_model(data, seed=0))
    return monotonic() - began_s


def _encoded_clips(config: TrainConfig, spec: ModelSpec, names: Sequence[str]) -> int:
    """Clips whose features a trained backbone computes anew in each epoch, besides those of its batches."""
    validated = 0 if config.no_val else names.count("validation")
    if not spec.baselines:
        return validated
    # For the statistics of an epoch, and again for its validation.
    return len(names) * (2 if validated else 1)


def _is_cached(
    config: TrainConfig, annotations: Annotations, start: EmotionNet | None, spec: ModelSpec
) -> bool:
    return window_dataset.is_complete(
        annotations,
        spec,
        cache=window_folder(config),
        shifts_s=window_dataset.training_shifts(config.shifts),
        net=start,
        crops=config.backbone == "finetune",
    )
