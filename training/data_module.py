"""From options to what a run works on: clips cut into windows, who is on which side, and the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric
from rich.console import Console

from emolive import paths as settings
from emolive.errors import EmoliveError
from emolive.models import factory
from emolive.models.io import checkpoint
from emolive.models.io.backbone import is_backbone_file
from emolive.models.io.backbone import load_backbone as load_trunk_file
from emolive.models.io.chumachenko2022 import load_efficientface
from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec, PixelSpec
from preprocessing import annotations as annotation_files
from preprocessing import splits
from preprocessing.annotations import Annotations
from preprocessing.splits import Fold, normalize_actor_id
from training import config
from training import window_dataset as windows
from training.batches import IntArray
from training.config import Options
from training.finetune import PixelWindows
from training.progress import Bar
from training.window_dataset import WindowDataset

EFFICIENTFACE_MEAN = (0.57535914, 0.44928582, 0.40079932)
EFFICIENTFACE_STD = (0.20735591, 0.18981615, 0.18132027)
"""Of RGB / 255, with which EfficientFace's own released weights were trained."""


@dataclass(frozen=True, slots=True)
class Split:
    """Indices of the clips on each side of a split."""

    training: IntArray
    validation: IntArray
    testing: IntArray


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a run reads."""

    annotations: Annotations
    spec: ModelSpec
    windows: WindowDataset
    start: EmotionNet | None
    """Weights to start from."""
    pixels: PixelWindows | None = None
    """Where the trunk is trained: `windows` with their crops."""

    def read(self, net: EmotionNet) -> WindowDataset:
        """The windows that a network reads: those of its own trunk, where that is trained."""
        return self.windows if self.pixels is None else self.pixels.read(net)


def read_annotations(options: Options) -> Annotations:
    """The clips that a run may see at all."""
    if not options.annotation_path:
        raise EmoliveError("No annotation file was named: give --annotation_path.")
    found = annotation_files.read(Path(options.annotation_path), allow_outside=options.allow_outside)
    hidden = {normalize_actor_id(actor) for actor in config.actors(options.leave_out_actors)}
    kept = tuple(item for item in found.items if normalize_actor_id(item.actor) not in hidden)
    if not kept:
        raise EmoliveError("Every actor is left out: nothing remains.")
    return Annotations(kept, found.root)


def fold_of(options: Options, annotations: Annotations) -> Fold | None:
    """The split that the options ask for; None leaves it to the annotations' own column."""
    testing = config.actors(options.test_actors)
    validation = config.actors(options.validation_actors)
    if options.fold:
        scheme, mark, number = options.fold.partition(":")
        found = splits.folds(scheme, annotations.actors)
        if not mark or not number.isdecimal() or not 1 <= int(number) <= len(found):
            raise EmoliveError(f"--fold wants a number from 1 to {len(found)} behind it, as {scheme}:1.")
        fold = found[int(number) - 1]
        if testing:
            raise EmoliveError("--fold says who is tested: leave --test_actors out.")
        return splits.custom_split(fold.testing, validation or fold.validation, annotations.actors)
    if testing or validation:
        return splits.custom_split(testing, validation, annotations.actors)
    if options.recipe == "reference" and all(i.actor and not i.split for i in annotations.items):
        return _published(annotations.actors)
    return None


def _published(actors: Sequence[str]) -> Fold | None:
    """The published split where its actors are there, else the first turn of the 4/4/16 rotation."""
    for scheme in ("reference", "rotation"):
        try:
            return splits.folds(scheme, actors)[0]
        except EmoliveError:
            continue
    return None


def sides(windows_: WindowDataset, fold: Fold | None) -> Split:
    """Who is on which side. EmoliveError if nobody trains."""
    names = np.array([fold.split_of(i.actor) if fold else i.split or "training" for i in windows_.items])
    found = Split(
        *(np.flatnonzero(names == side).astype(np.int64) for side in ("training", "validation", "testing"))
    )
    if len(found.training) < 2:
        raise EmoliveError("Fewer than two clips are left to train on: check the splits.")
    return found


def prepare(
    options: Options, annotations: Annotations, fabric: Fabric, console: Console, *, centre_only: bool = False
) -> Prepared:
    """Cut the clips into windows, or find them cut.

    Raises:
        EmoliveError: the options fit neither each other nor the data.
    """
    spec = config.spec_of(options, annotations.labels)
    start, spec = pretrained(options, spec)
    factory.build(spec)
    cache = Path(options.cache_path) if options.cache_path else settings.user_dir() / "windows"
    with Bar(console, "Cutting windows", "clips") as bar, fabric.rank_zero_first():
        cut = windows.cut(
            annotations,
            spec,
            cache=cache,
            shifts_s=windows.training_shifts(1 if centre_only else options.shifts),
            net=start,
            device=str(fabric.device),
            skip_faults=options.skip_faults,
            workers=options.workers,
            bar=bar,
            crops=options.backbone == "finetune",
        )
    for sentence in cut.failed:
        console.print(sentence, style="yellow", markup=False)
    pixels = None if cut.crops is None else PixelWindows(cut, spec.pixels)
    return Prepared(annotations, spec, cut, start, pixels)


def start_path(options: Options, encoders: Sequence[str]) -> Path | None:
    """The weights to start from: those of the options, else the shipped trunk where pixels are seen."""
    if options.pretrain_path:
        return Path(options.pretrain_path)
    learned = ModelSpec(encoders=tuple(encoders)).learned_encoder
    return None if learned is None else settings.assets_dir() / "models" / f"{learned.name}.safetensors"


def pretrained(options: Options, spec: ModelSpec) -> tuple[EmotionNet | None, ModelSpec]:
    """The network to start from, and the description with the pixels that its trunk was trained on.

    Raises:
        EmoliveError: the file has nothing that this model could start from.
    """
    path = start_path(options, spec.encoders)
    if path is None:
        return None, spec
    if not path.is_file():
        raise EmoliveError(f"There is no file {path} to start from.")
    # What the file does not hold begins with random weights: the same ones for the same seed.
    torch.manual_seed(options.manual_seed)
    if is_backbone_file(path):
        if spec.learned_encoder is None:
            raise EmoliveError(f"{path} is a pixel trunk, and this model sees no pixels.")
        faces = load_trunk_file(path).net
        spec = replace(spec, pixels=faces.pixels)
        net = factory.build(spec)
        assert net.backbone is not None
        net.backbone.load_state_dict(faces.backbone.state_dict())
        return net.eval(), spec
    if path.suffix != ".safetensors":
        if spec.learned_encoder is None:
            raise EmoliveError(
                f"{path} is no emolive checkpoint, and this model has no trunk to put it into."
            )
        pixels = PixelSpec(options.sample_size, "RGB", EFFICIENTFACE_MEAN, EFFICIENTFACE_STD)
        spec = replace(spec, pixels=pixels)
        net = factory.build(spec)
        assert net.backbone is not None
        net.backbone.load_state_dict(load_efficientface(path).state_dict())
        return net.eval(), spec
    given = checkpoint.load(path)
    if spec.learned_encoder is not None and given.net.backbone is not None:
        spec = replace(spec, pixels=given.spec.pixels)
    net = factory.build(spec)
    theirs, ours = given.net.state_dict(), net.state_dict()
    same = {k for k, v in ours.items() if k in theirs and theirs[k].shape == v.shape}
    if same == set(ours) == set(theirs):
        net.load_state_dict(theirs)
    elif net.backbone is not None and given.net.backbone is not None:
        net.backbone.load_state_dict(given.net.backbone.state_dict())
    else:
        raise EmoliveError(
            f"{path} holds another model ({given.spec.fusion}, {'+'.join(given.spec.encoders)}): "
            f"nothing of it fits this one."
        )
    return net.eval(), spec


def build_model(prepared: Prepared, seed: int) -> EmotionNet:
    """A network to train: pretrained as far as there is something; its trunk frozen unless it is trained."""
    torch.manual_seed(seed)
    net = factory.build(prepared.spec)
    if prepared.start is not None:
        net.load_state_dict(prepared.start.state_dict())
    if net.backbone is not None:
        net.backbone.requires_grad_(prepared.pixels is not None)
        net.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net


def names_of(prepared: Prepared, clips: Sequence[int] | IntArray) -> list[str]:
    """The actors of some clips, in order."""
    chosen = tuple(prepared.windows.items[int(i)] for i in clips)
    return list(Annotations(chosen, prepared.annotations.root).actors)
