"""The data of a run: extracted windows, the split, and the initial model."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric
from rich.console import Console

from emolive import paths
from emolive.errors import ConfigError, EmoliveError
from emolive.models import factory
from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec, Streams
from preprocessing import annotations as annotation_files
from preprocessing import splits
from preprocessing.annotations import SPLITS, Annotations, ClipEntry
from preprocessing.progress import ProgressBar
from preprocessing.splits import Fold, normalize_actor_id
from training import window_dataset
from training.batches import IntArray
from training.config import TrainConfig, split_list
from training.finetune import CropWindows
from training.learned import class_labels, neutral_label, with_learned
from training.model_options import model_spec
from training.pretrained import pretrained, start_notes
from training.window_dataset import WindowDataset


@dataclass(frozen=True, slots=True)
class Split:
    """Indices of the clips of each subset of a split."""

    training: IntArray
    validation: IntArray
    testing: IntArray


@dataclass(frozen=True, slots=True)
class DataModule:
    """All that a run reads."""

    annotations: Annotations
    spec: ModelSpec
    dataset: WindowDataset
    start: EmotionNet | None
    """Network with the weights to start from."""
    crops: CropWindows | None = None
    """`dataset` with its crops, where the backbone is trained."""
    conditions: tuple[WindowDataset, ...] = ()
    """The same clips under other recording conditions, for training."""
    notes: tuple[str, ...] = ()
    """What a user would not expect of this run, in sentences."""

    def features(self, net: EmotionNet) -> WindowDataset:
        """The windows with a network's features, recomputed if its backbone is trained."""
        return self.dataset if self.crops is None else self.crops.features(net)

    def learning_from(self, split: Split, modality: Streams) -> DataModule:
        """The data for a model that records what the training clips of a split can teach it.

        Raises:
            ConfigError: they can teach nothing.
        """
        spec, notes = with_learned(self.spec, self.dataset, split.training, modality)
        return replace(self, spec=spec, notes=(*self.notes, *notes))

    def actors_of(self, clips: Sequence[int] | IntArray) -> list[str]:
        """The actors of some clips, in order."""
        chosen = tuple(self.dataset.items[int(i)] for i in clips)
        return list(Annotations(chosen, self.annotations.root).actors)


def read_annotations(config: TrainConfig) -> Annotations:
    """The clips that a run may use.

    Raises:
        ConfigError: there are none, or the annotation file cannot be used.
    """
    if not config.annotation_path:
        raise ConfigError("There is no annotation file: name one with --annotation_path.")
    annotations = annotation_files.read(
        Path(config.annotation_path),
        allow_outside=config.allow_outside,
        check_files=not config.skip_faults,
    )
    left_out = {normalize_actor_id(actor) for actor in split_list(config.leave_out_actors)}
    items = tuple(item for item in annotations.items if normalize_actor_id(item.actor) not in left_out)
    if not items:
        raise ConfigError("--leave_out_actors leaves out all actors: name fewer.")
    return Annotations(items, annotations.root)


def fold_of(config: TrainConfig, annotations: Annotations) -> Fold | None:
    """The split that the options ask for; None leaves it to the annotations' own column.

    Raises:
        ConfigError: the options do not fit each other or the actors.
    """
    testing, validation = split_list(config.test_actors), split_list(config.validation_actors)
    if config.fold:
        scheme, colon, number = config.fold.partition(":")
        folds = splits.folds(scheme, annotations.actors, splits.actors_by_corpus(annotations.items))
        if not colon or not number.isdecimal() or not 1 <= int(number) <= len(folds):
            raise ConfigError(
                f"--fold needs a number from 1 to {len(folds)} after the colon, such as {scheme}:1."
            )
        if testing:
            raise ConfigError("--fold determines the test actors: leave out --test_actors.")
        fold = folds[int(number) - 1]
        return splits.custom_split(fold.testing, validation or fold.validation, annotations.actors)
    if testing or validation:
        return splits.custom_split(testing, validation, annotations.actors)
    if config.is_published and all(item.actor and not item.split for item in annotations.items):
        return _published_fold(annotations.actors)
    return None


def _published_fold(actors: Sequence[str]) -> Fold | None:
    """The published split if its actors are present, else the first fold of the 4/4/16 rotation."""
    for scheme in ("reference", "rotation"):
        try:
            return splits.folds(scheme, actors)[0]
        except EmoliveError:
            continue
    return None


def make_split(dataset: WindowDataset, fold: Fold | None) -> Split:
    """The clips of each subset.

    Raises:
        ConfigError: fewer than two clips are left to train on.
    """
    names = split_names(dataset.items, fold)
    check_training_clips(names)
    return Split(*(np.flatnonzero(np.array(names) == part).astype(np.int64) for part in SPLITS))


def split_names(items: Sequence[ClipEntry], fold: Fold | None) -> list[str]:
    """The subset of each clip: by a fold's actors, else by the annotations' own column."""
    return [fold.split_of(item.actor) if fold else item.split or "training" for item in items]


def check_training_clips(names: Sequence[str]) -> None:
    """Raises ConfigError unless there are two clips to train on."""
    if names.count("training") < 2:
        raise ConfigError("Fewer than two clips are left to train on: check the splits.")


def setup(config: TrainConfig, annotations: Annotations, fabric: Fabric, console: Console) -> DataModule:
    """Extract the windows of all clips, or find them in the cache.

    Raises:
        EmoliveError: the options do not fit each other or the data.
    """
    neutral = neutral_label(config.neutral_label, annotations.labels)
    start, spec = start_of(config, annotations)
    check_frame_rate(annotations, spec)
    with ProgressBar(console, "Extracting windows", "clips") as bar, fabric.rank_zero_first():
        data = extract(config, annotations, start, spec, neutral, device=str(fabric.device), progress=bar)
    for sentence in data.dataset.failed:
        console.print(sentence, style="yellow", markup=False)
    return replace(data, notes=start_notes(config, spec))


def extract(
    config: TrainConfig,
    annotations: Annotations,
    start: EmotionNet | None,
    spec: ModelSpec,
    neutral: str,
    *,
    device: str,
    progress: window_dataset.ProgressBar,
) -> DataModule:
    """The windows of some clips, for a network to start from and a description as `start_of` returns them.

    Raises:
        EmoliveError: a clip cannot be read, or the cache cannot be written.
    """
    is_finetuned = config.backbone == "finetune"
    # Conditions are for training, and for features that are extracted once.
    n_conditions = 0 if config.no_train or is_finetuned else config.conditions
    dataset, *conditions = [
        window_dataset.build(
            annotations,
            spec,
            cache=window_folder(config),
            shifts_s=(0.0,) if condition else window_dataset.training_shifts(config.shifts),
            net=start,
            device=device,
            skip_faults=config.skip_faults,
            workers=config.workers,
            progress=progress,
            crops=is_finetuned,
            neutral=neutral,
            condition=condition,
        )
        for condition in range(1 + n_conditions)
    ]
    crops = None if dataset.crops is None else CropWindows(dataset, spec.pixels)
    return DataModule(annotations, spec, dataset, start, crops, tuple(conditions))


def window_folder(config: TrainConfig) -> Path:
    """The folder of extracted windows."""
    return Path(config.cache_path) if config.cache_path else paths.window_cache_dir()


def start_of(config: TrainConfig, annotations: Annotations) -> tuple[EmotionNet | None, ModelSpec]:
    """The network to start from, if any, and the description of the model.

    Raises:
        EmoliveError: the options do not fit each other or the data.
    """
    labels = class_labels(config.n_classes, annotations)
    if len(labels) < 2:
        raise ConfigError(f"All clips have the label {labels[0]}: a model needs at least two to choose from.")
    start, spec = pretrained(config, model_spec(config, labels))
    factory.build(spec)
    return start, spec


def check_frame_rate(annotations: Annotations, spec: ModelSpec) -> None:
    """Compare the bins of a model that has more than usual with the crops that were cut from a window.

    Raises:
        ConfigError: there are too few crops, so that bins would always be empty.
    """
    for item in annotations.items:
        path, _ = annotations.locate(item.video)
        if path.suffix != ".npy":
            continue
        with suppress(OSError, ValueError, EOFError):
            n = len(np.load(path, mmap_mode="r"))
            if n < spec.n_bins > ModelSpec().n_bins:
                raise ConfigError(
                    f"--sample-duration is {spec.n_bins}, but {path.name} holds {n} crops: leave the option "
                    f"out, or train on the media files, of which all frames can be read."
                )
        return


def print_dry_plan(
    config: TrainConfig, annotations: Annotations, fold: Fold | None, console: Console
) -> None:
    """Check the options against the annotations, and print who is trained and tested on; reads no clip.

    Raises:
        EmoliveError: the options do not fit each other or the data.
    """
    _, spec = start_of(config, annotations)
    check_frame_rate(annotations, spec)
    neutral_label(config.neutral_label, annotations.labels)
    names = split_names(annotations.items, fold)
    check_training_clips(names)
    for name in SPLITS:
        items = tuple(item for item, part in zip(annotations.items, names, strict=True) if part == name)
        if items:
            actors = ", ".join(Annotations(items, annotations.root).actors)
            console.print(f"{name}: {len(items)} clips of actors {actors}", markup=False, highlight=False)
    for note in start_notes(config, spec):
        console.print(note, style="yellow", markup=False, highlight=False)
    console.print(f"The model has the labels {', '.join(spec.labels)}.", markup=False, highlight=False)


def build_model(data: DataModule, seed: int) -> EmotionNet:
    """A network to train, with the weights to start from; its backbone is frozen unless it is trained."""
    torch.manual_seed(seed)
    net = factory.build(data.spec)
    if data.start is not None:
        net.load_state_dict(data.start.state_dict())
    if net.backbone is not None:
        net.backbone.requires_grad_(data.crops is not None)
        net.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net
