"""`emolive-train backbone`: from images of faces to a backbone file for `--pretrain_path`."""

from __future__ import annotations

import copy
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from rich.console import Console

from emolive.errors import ConfigError, MediaError, OutputError
from emolive.models.input_spec import PixelSpec
from emolive.models.io import chumachenko2022
from emolive.models.io.backbone import (
    FaceClassifier,
    adapt_input_conv,
    is_backbone_file,
    load_backbone,
    save_backbone,
)
from emolive.process_stats import peak_rss_bytes
from emolive.quantities import duration_text, size_text
from preprocessing.progress import ProgressBar
from training.backbone.config import BackboneConfig
from training.backbone.dataset import TESTING, TRAINING, VALIDATION, FaceDataset, Faces, read
from training.backbone.metrics import predict_logits, summarize
from training.backbone.trainer import BackboneTrainer
from training.config import split_list
from training.fabric import make_fabric
from training.malloc import keep_memory
from training.pretrained import EFFICIENTFACE_MEAN, EFFICIENTFACE_STD
from training.provenance import release
from training.report import percent
from training.run_checkpoint import LAST
from training.run_config import write_run_config

BACKBONE = "backbone.safetensors"


def train(config: BackboneConfig, console: Console) -> None:
    """Run the command.

    Raises:
        EmoliveError: something about the options or the data.
    """
    folder = Path(config.result_path)
    if not config.resume_path and (folder / LAST).exists():
        raise ConfigError(
            f"{folder} holds a run already: resume it with --resume_path {folder}, or choose another "
            f"--result_path."
        )
    fabric = make_fabric(config)
    if fabric.global_rank:
        console = Console(quiet=True)
    with ProgressBar(console, "Reading faces", "faces") as bar:
        bar.start(None)
        data = read(
            Path(config.data), config.sample_size, labels=split_list(config.labels), on_image=bar.advance
        )
    net = _initial_model(config, data)
    _print_plan(console, data, net)
    keep_memory()
    if config.dry_run:
        _print_estimate(config, net, data, fabric, console)
        return
    _make_folder(folder, fabric)
    if fabric.global_rank == 0:
        write_run_config(folder, config)
    trainer = _trainer(config, net, data, folder, fabric)
    if config.resume_path and not trainer.resume():
        raise ConfigError(f"{folder} holds no run to resume.")

    def save(best: FaceClassifier) -> None:
        _save(folder, best, config, data, trainer)

    with ProgressBar(console, "Training", "faces") as bar:
        best = trainer.run(bar, save)
    if fabric.global_rank == 0:
        save(best)
        console.print(f"Wrote {folder / BACKBONE}.", markup=False)
        for split in (VALIDATION, TESTING):
            if faces := data.splits.get(split):
                summary = summarize(faces, predict_logits(best, faces), best.labels)
                console.print(
                    f"{split}: {summary['n']} faces, top-1 {percent(summary['top1'])} %, "
                    f"UAR {percent(summary['uar'])} %",
                    markup=False,
                    highlight=False,
                )
    fabric.barrier()


def _trainer(
    config: BackboneConfig, net: FaceClassifier, data: FaceDataset, folder: Path, fabric: Fabric
) -> BackboneTrainer:
    return BackboneTrainer(
        fabric,
        net,
        data.splits[TRAINING],
        config=config,
        folder=folder,
        validation=data.splits.get(VALIDATION),
    )


def _print_estimate(
    config: BackboneConfig, net: FaceClassifier, data: FaceDataset, fabric: Fabric, console: Console
) -> None:
    """Measure a step, and print how long the steps of the run take; writes nothing."""
    with TemporaryDirectory(prefix="emolive-") as folder:
        trainer = _trainer(config, net, data, Path(folder), fabric)
        trainer.measure_step_s()  # the first is slower
        step_s = trainer.measure_step_s()
    peak = peak_rss_bytes()
    memory = "" if peak is None else f", and {size_text(peak)} of memory"
    console.print(
        f"Training takes about {duration_text(step_s * trainer.steps_left)}: {trainer.steps_left:,} steps of "
        f"{duration_text(step_s)}{memory}. Measured under the present load; nothing was written.",
        markup=False,
        highlight=False,
    )


def _initial_model(config: BackboneConfig, data: FaceDataset) -> FaceClassifier:
    """The network before training: random, or pretrained with the pixels that its backbone expects."""
    if TRAINING not in data.splits:
        raise MediaError(f"{config.data} holds no faces to train on.")
    torch.manual_seed(config.manual_seed)
    size = config.sample_size
    if not config.pretrain_path:
        mean, std = channel_stats(data.splits[TRAINING])
        if config.order == "RGB":
            mean, std = mean[::-1], std[::-1]
        return FaceClassifier(data.labels, PixelSpec(size, config.order, mean, std), config.dropout)
    path = Path(config.pretrain_path)
    if not is_backbone_file(path):
        backbone = chumachenko2022.load_efficientface(path)
        pixels = PixelSpec(size, "RGB", EFFICIENTFACE_MEAN, EFFICIENTFACE_STD)
        net = FaceClassifier(data.labels, pixels, config.dropout)
        net.backbone.load_state_dict(backbone.state_dict())
        return net
    start = load_backbone(path).net
    pixels = PixelSpec(size, start.pixels.order, start.pixels.mean, start.pixels.std)
    net = FaceClassifier(data.labels, pixels, config.dropout)
    net.backbone.load_state_dict(start.backbone.state_dict())
    if start.labels == data.labels:
        net.classifier.load_state_dict(start.classifier.state_dict())
    return net


def channel_stats(faces: Faces) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation of each channel in 0..1, in the order of the images (BGR)."""
    rows = faces.images.reshape(-1, 1 if faces.is_gray else 3)
    counts = [np.bincount(channel, minlength=256) for channel in rows.T]
    levels = np.arange(256) / 255
    means = [float(c @ levels / c.sum()) for c in counts]
    stds = [
        max(float(np.sqrt(c @ (levels - m) ** 2 / c.sum())), 1 / 255)
        for c, m in zip(counts, means, strict=True)
    ]
    if faces.is_gray:
        means, stds = means * 3, stds * 3
    return (means[0], means[1], means[2]), (stds[0], stds[1], stds[2])


def _print_plan(console: Console, data: FaceDataset, net: FaceClassifier) -> None:
    for split, faces in data.splits.items():
        usable = int((faces.targets.sum(axis=1) > 0).sum()) if split == TRAINING else 0
        counts = np.bincount(faces.classes[faces.classes >= 0], minlength=len(data.labels))
        by_label = ", ".join(f"{label} {n}" for label, n in zip(data.labels, counts, strict=True))
        trained = f", {usable} to train on" if usable else ""
        console.print(f"{split}: {len(faces)} faces{trained}; {by_label}", markup=False, highlight=False)
    if data.n_missing:
        console.print(f"{data.n_missing} faces with votes have no image here.", highlight=False)
    size = sum(p.numel() for p in net.parameters())
    kind = "gray" if data.splits[TRAINING].is_gray else "colour"
    console.print(
        f"backbone and classifier: {size:,} weights, {net.pixels.size} px, {kind}",
        markup=False,
        highlight=False,
    )


def _make_folder(folder: Path, fabric: Fabric) -> None:
    if fabric.global_rank == 0:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"The folder {folder} cannot be created: {error.strerror}.") from error


def _save(
    folder: Path, net: FaceClassifier, config: BackboneConfig, data: FaceDataset, trainer: BackboneTrainer
) -> None:
    """Write the backbone as it is used; one that was trained on gray faces converts colour to gray."""
    net = copy.deepcopy(net).cpu().eval()
    if data.splits[TRAINING].is_gray:
        adapt_input_conv(net)
    progress = trainer.progress
    best = progress.history[progress.best_epoch - 1] if progress.best_epoch else {}
    record: dict[str, Any] = {
        "emolive": release(),
        "data": {
            "name": Path(config.data).name,
            **{name: len(faces) for name, faces in data.splits.items()},
        },
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "figures": {name: value for name, value in best.items() if name.startswith("val_")},
        "options": {k: v for k, v in asdict(config).items() if not k.endswith("_path") and k != "data"},
        "gray": data.splits[TRAINING].is_gray,
        "licence": config.licence,
    }
    save_backbone(folder / BACKBONE, net, provenance=record)
