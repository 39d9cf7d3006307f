"""`emolive-train`: from options to a checkpoint that the app loads."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from lightning.fabric import Fabric
from rich.console import Console

from emolive.atomic_io import remove_stale_parts
from emolive.errors import ConfigError, OutputError
from emolive.models.io import checkpoint
from preprocessing.annotations import Annotations
from preprocessing.splits import Fold
from training import data_fingerprint, report
from training.config import TrainConfig
from training.data_checks import check_training_data
from training.data_module import (
    DataModule,
    Split,
    fold_of,
    make_split,
    print_dry_plan,
    read_annotations,
    setup,
)
from training.estimate import print_estimate
from training.fabric import make_fabric
from training.fit import TrainedModel, fit
from training.provenance import face_head, provenance
from training.run_checkpoint import LAST
from training.run_config import write_run_config
from training.run_folder import MODEL
from training.run_lock import run_lock
from training.tested_model import RESULT, print_and_write, test_stored_model

PATHS = ("annotation_path", "cache_path", "pretrain_path", "teacher_path", "figures")


def train(config: TrainConfig, console: Console) -> None:
    """Run the command.

    Raises:
        EmoliveError: something about the options or the data.
    """
    annotations = read_annotations(config)
    fold = fold_of(config, annotations)
    if not config.no_train:
        check_training_data(config, annotations, [fold], console)
    if config.dry_run:
        print_dry_plan(config, annotations, fold, console)
        print_estimate(config, annotations, [fold], console)
        return
    config = with_absolute_paths(config)
    if config.no_train:
        test_stored_model(config, annotations, fold, console)
        return
    fabric = make_fabric(config)
    if fabric.global_rank:
        console = Console(quiet=True)
    folder = Path(config.result_path)
    with ExitStack() as stack:
        if fabric.global_rank == 0:
            make_result_folder(folder)
            stack.enter_context(run_lock(folder))
            check_free(folder, config)
        _train(config, annotations, fold, folder, fabric=fabric, console=console)
        fabric.barrier()


def _train(
    config: TrainConfig,
    annotations: Annotations,
    fold: Fold | None,
    folder: Path,
    *,
    fabric: Fabric,
    console: Console,
) -> None:
    clips = data_fingerprint.fingerprint(annotations, fold)
    data_fingerprint.check_unchanged(folder, clips)
    data = setup(config, annotations, fabric, console)
    split = make_split(data.dataset, fold)
    data = data.learning_from(split, config.modality)
    report.print_plan(console, config, data, split)
    if fabric.global_rank == 0:
        write_run_config(folder, replace(config, resume_path=""))
        data_fingerprint.write(folder, clips)

    def save(trained: TrainedModel, name: str) -> None:
        record = provenance(config, data, split, trained)
        checkpoint.save(folder / name, trained.net, provenance=record, face_head=face_head(config, data))

    trained = fit(config, data, split, folder, fabric=fabric, console=console, save=save)
    if fabric.global_rank:
        return
    save(trained, MODEL)
    console.print(f"Wrote {folder / MODEL}.", markup=False)
    tested = split.testing if config.test_subset == "test" else split.validation
    if len(tested):
        print_and_write(
            trained.net,
            trained.dataset,
            tested,
            trained.global_stats,
            console=console,
            path=folder / RESULT,
            title=_title(data, split, config),
        )


def _title(data: DataModule, split: Split, config: TrainConfig) -> str:
    clips = split.testing if config.test_subset == "test" else split.validation
    return f"{data.spec.fusion}, actors {', '.join(data.actors_of(clips))}"


def with_absolute_paths(config: TrainConfig) -> TrainConfig:
    """The options with files that are found from any folder, for the configuration of the run."""
    existing = {name: Path(getattr(config, name)) for name in PATHS if getattr(config, name)}
    absolute: dict[str, Any] = {
        name: str(path.absolute()) for name, path in existing.items() if path.exists()
    }
    return replace(config, **absolute)


def make_result_folder(folder: Path) -> None:
    """Create the result folder.

    Raises:
        OutputError: it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be created: {error.strerror}.") from error


def check_free(folder: Path, config: TrainConfig) -> None:
    """Refuse a result folder with another run in it. ConfigError names what to do."""
    remove_stale_parts(folder)
    has_run = (folder / LAST).exists() or (folder / MODEL).exists()
    if has_run and not config.resume_path:
        raise ConfigError(
            f"{folder} holds a run already: resume it with --resume_path {folder}, or choose another "
            f"--result_path."
        )
