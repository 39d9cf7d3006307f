"""`emolive-train faces`: from pictures of faces to a trunk file that `--pretrain_path` takes."""

from __future__ import annotations

import copy
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from rich.console import Console

from emolive.errors import EmoliveError
from emolive.models.io import chumachenko2022 as convert_checkpoint
from emolive.models.io.backbone import (
    FaceClassifier,
    adapt_input_conv,
    is_backbone_file,
    load_backbone,
    save_backbone,
)
from emolive.models.spec import PixelSpec
from training import config
from training.backbone import config as option_file
from training.backbone import metrics as score
from training.backbone.config import FaceOptions
from training.backbone.dataset import TESTING, TRAINING, VALIDATION, FaceData, Faces, read
from training.backbone.loop import BackboneTrainer
from training.data_module import EFFICIENTFACE_MEAN, EFFICIENTFACE_STD
from training.fabric import make_fabric
from training.malloc import keep_memory
from training.progress import Bar
from training.report import percent
from training.run_checkpoint import LAST

TRUNK = "trunk.safetensors"


def train(options: FaceOptions, console: Console) -> None:
    """Pretrain the trunk.

    Raises:
        EmoliveError: something about the options or the data, in one sentence.
    """
    folder = Path(options.result_path)
    if not options.resume_path and (folder / LAST).exists():
        raise EmoliveError(
            f"{folder} holds a run already: go on with it by --resume_path {folder}, "
            f"or choose another --result_path."
        )
    fabric = make_fabric(options.engine)
    if fabric.global_rank:
        console = Console(quiet=True)
    with Bar(console, "Reading faces", "faces") as bar:
        bar.start(0)
        data = read(
            Path(options.data), options.sample_size, labels=config.actors(options.labels), step=bar.advance
        )
    net = _start(options, data)
    _plan(console, data, net)
    if options.dry_run:
        return
    _make(folder, fabric)
    if fabric.global_rank == 0:
        option_file.write(folder, options)
    keep_memory()
    validation = data.splits.get(VALIDATION)
    loop = BackboneTrainer(
        fabric, net, data.splits[TRAINING], options=options, folder=folder, validation=validation
    )
    if options.resume_path and not loop.resume():
        raise EmoliveError(f"{folder} holds no run to go on with.")

    def keep(best: FaceClassifier) -> None:
        _write(folder, best, options, data, loop)

    with Bar(console, "Training", "faces") as bar:
        best = loop.run(bar, keep)
    if fabric.global_rank == 0:
        _write(folder, best, options, data, loop)
        console.print(f"Wrote {folder / TRUNK}.", markup=False)
        for split in (VALIDATION, TESTING):
            if split in data.splits:
                told = score.figures(data.splits[split], score.logits(best, data.splits[split]), best.labels)
                console.print(
                    f"{split}: {told['n']} faces count, top-1 {percent(told['top1'])} %, "
                    f"UAR {percent(told['uar'])} %",
                    markup=False,
                    highlight=False,
                )
    fabric.barrier()


def _start(options: FaceOptions, data: FaceData) -> FaceClassifier:
    """The network before training: fresh, or pretrained with the pixels that its trunk expects."""
    if TRAINING not in data.splits:
        raise EmoliveError(f"{options.data} holds no faces to train on.")
    torch.manual_seed(options.manual_seed)
    if not options.pretrain_path:
        mean, std = statistics(data.splits[TRAINING])
        if options.order == "RGB":
            mean, std = mean[::-1], std[::-1]
        pixels = PixelSpec(options.sample_size, "RGB" if options.order == "RGB" else "BGR", mean, std)
        return FaceClassifier(data.labels, pixels, options.dropout)
    path = Path(options.pretrain_path)
    if not is_backbone_file(path):
        backbone = convert_checkpoint.load_efficientface(path)
        pixels = PixelSpec(options.sample_size, "RGB", EFFICIENTFACE_MEAN, EFFICIENTFACE_STD)
        net = FaceClassifier(data.labels, pixels, options.dropout)
        net.backbone.load_state_dict(backbone.state_dict())
        return net
    given = load_backbone(path).net
    theirs = given.pixels
    pixels = PixelSpec(options.sample_size, theirs.order, theirs.mean, theirs.std)
    net = FaceClassifier(data.labels, pixels, options.dropout)
    net.backbone.load_state_dict(given.backbone.state_dict())
    if given.labels == data.labels:
        net.classifier.load_state_dict(given.classifier.state_dict())
    return net


def statistics(faces: Faces) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and deviation of each channel in 0..1, in the order in which the faces are kept (BGR)."""
    rows = faces.images.reshape(-1, 1 if faces.gray else 3)
    counts = [np.bincount(channel, minlength=256) for channel in rows.T]
    levels = np.arange(256) / 255
    means = [float(c @ levels / c.sum()) for c in counts]
    stds = [
        max(float(np.sqrt(c @ (levels - m) ** 2 / c.sum())), 1 / 255)
        for c, m in zip(counts, means, strict=True)
    ]
    if faces.gray:
        means, stds = means * 3, stds * 3
    return (means[0], means[1], means[2]), (stds[0], stds[1], stds[2])


def _plan(console: Console, data: FaceData, net: FaceClassifier) -> None:
    for split, faces in data.splits.items():
        useful = int((faces.targets.sum(axis=1) > 0).sum()) if split == TRAINING else 0
        counts = np.bincount(faces.classes[faces.classes >= 0], minlength=len(data.labels))
        each = ", ".join(f"{label} {n}" for label, n in zip(data.labels, counts, strict=True))
        trained = f", {useful} to train on" if useful else ""
        console.print(f"{split}: {len(faces)} faces{trained}; {each}", markup=False, highlight=False)
    if data.missing:
        console.print(f"{data.missing} faces with votes have no picture here.", highlight=False)
    size = sum(p.numel() for p in net.parameters())
    kind = "gray" if data.splits[TRAINING].gray else "colour"
    console.print(
        f"trunk and classifier: {size:,} weights, {net.pixels.size} px, {kind}", markup=False, highlight=False
    )


def _make(folder: Path, fabric: Fabric) -> None:
    if fabric.global_rank == 0:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmoliveError(f"The folder {folder} cannot be made: {error.strerror}.") from error


def _write(
    folder: Path, net: FaceClassifier, options: FaceOptions, data: FaceData, loop: BackboneTrainer
) -> None:
    """The trunk as it is to be used: one that saw gray faces alone takes colour as gray."""
    kept = copy.deepcopy(net).cpu().eval()
    if data.splits[TRAINING].gray:
        adapt_input_conv(kept)
    try:
        release = version("emolive")
    except PackageNotFoundError:
        release = "unknown"
    at = loop.progress
    best = at.history[at.best_epoch - 1] if at.best_epoch else {}
    told: dict[str, Any] = {
        "emolive": release,
        "data": {
            "name": Path(options.data).name,
            **{name: len(faces) for name, faces in data.splits.items()},
        },
        "epochs": at.epoch,
        "best_epoch": at.best_epoch,
        "figures": {name: value for name, value in best.items() if name.startswith("val_")},
        "options": {k: v for k, v in asdict(options).items() if not k.endswith("_path") and k != "data"},
        "gray": data.splits[TRAINING].gray,
        "licence": options.licence,
    }
    save_backbone(folder / TRUNK, kept, provenance=told)
