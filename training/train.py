"""`emolive-train`: from options to a checkpoint that the app loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lightning.fabric import Fabric
from rich.console import Console

from emolive.atomic_io import atomic_write, remove_stale_parts
from emolive.errors import ConfigError, OutputError
from emolive.models.io import checkpoint
from emolive.types import MODALITIES
from training import metrics, report, scoring
from training.batches import IntArray
from training.config import TrainConfig
from training.data_checks import check_training_data
from training.data_module import DataModule, Split, fold_of, make_split, read_annotations, setup
from training.fabric import make_fabric
from training.fit import TrainedModel, fit
from training.normalizer_sampler import compute_global_stats
from training.provenance import face_head, provenance
from training.run_checkpoint import LAST
from training.run_config import write_run_config

MODEL = "model.safetensors"
RESULT = "result.json"


def train(config: TrainConfig, console: Console) -> None:
    """Run the command.

    Raises:
        EmoliveError: something about the options or the data.
    """
    annotations = read_annotations(config)
    fold = fold_of(config, annotations)
    check_training_data(config, annotations, [fold], console)
    fabric = make_fabric(config)
    if fabric.global_rank:
        console = Console(quiet=True)
    folder = make_result_folder(config, fabric)
    data = setup(config, annotations, fabric, console)
    split = make_split(data.dataset, fold)
    report.print_plan(console, config, data, split)
    if config.dry_run:
        return
    if fabric.global_rank == 0:
        write_run_config(folder, config)
    trained = _trained(config, data, split, folder, fabric=fabric, console=console)
    clips = split.testing if config.test_subset == "test" else split.validation
    if fabric.global_rank == 0 and len(clips):
        test(config, data, trained, clips, folder, console=console)
    fabric.barrier()


def _trained(
    config: TrainConfig, data: DataModule, split: Split, folder: Path, *, fabric: Fabric, console: Console
) -> TrainedModel:
    """The model of the run: just trained, or with --no_train the one in its folder."""
    if config.no_train:
        net = checkpoint.load(folder / MODEL).net
        dataset = data.features(net)
        stats = compute_global_stats(dataset, data.spec, split.training.tolist())
        return TrainedModel(net, dataset, stats, 0, 0)
    trained = fit(config, data, split, folder, fabric=fabric, console=console)
    if fabric.global_rank == 0:
        record = provenance(config, data, split, trained)
        checkpoint.save(folder / MODEL, trained.net, provenance=record, face_head=face_head(config, data))
        console.print(f"Wrote {folder / MODEL}.", markup=False)
    return trained


def test(
    config: TrainConfig,
    data: DataModule,
    trained: TrainedModel,
    clips: IntArray,
    folder: Path,
    *,
    console: Console,
) -> None:
    """Evaluate on held-out clips in every normalization mode and modality, and write the results."""
    predictions = scoring.predict_all(trained.net, trained.dataset, clips, trained.global_stats)
    if not len(predictions.clips):
        return
    temperatures = dict(zip(MODALITIES, trained.net.temperature.tolist(), strict=True))
    results: dict[str, dict[str, Any]] = {}
    for (mode, modality), logits in predictions.logits.items():
        probs = metrics.softmax(logits, temperatures[modality])
        results.setdefault(mode, {})[modality] = scoring.summarize(
            predictions.truth, predictions.actors, probs, data.spec.labels
        )
    report.print_results(console, results, f"{config.fusion}, actors {', '.join(data.actors_of(clips))}")
    with atomic_write(folder / RESULT) as part:
        part.write_text(json.dumps({"temperature": temperatures, "figures": results}, indent=1) + "\n")


def make_result_folder(config: TrainConfig, fabric: Fabric) -> Path:
    """Create the result folder.

    Raises:
        ConfigError: there is another run in it.
        OutputError: it cannot be created.
    """
    folder = Path(config.result_path)
    if fabric.global_rank == 0 and not config.dry_run:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"The folder {folder} cannot be created: {error.strerror}.") from error
        remove_stale_parts(folder)
        has_run = (folder / LAST).exists() or (folder / MODEL).exists()
        if has_run and not config.resume_path and not config.no_train:
            raise ConfigError(
                f"{folder} holds a run already: resume it with --resume_path {folder}, or choose another "
                f"--result_path."
            )
    return folder
