"""Training on one split: from extracted windows to a network with its global statistics and temperature."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from rich.console import Console

from emolive.errors import ConfigError
from emolive.models.network import EmotionNet
from emolive.quantities import duration_text
from emolive.types import MODALITIES, Modality
from preprocessing.progress import ProgressBar
from training import distillation, scoring
from training.augment.pipeline import image_pipeline, window_pipeline
from training.batches import BatchMaker
from training.config import TrainConfig, mode_shares
from training.data_module import DataModule, Split, build_model
from training.emotion_trainer import EmotionTrainer
from training.finetune import CropEncoder
from training.malloc import keep_memory
from training.normalizer_sampler import GlobalStatsPair, compute_global_stats, store_global_stats
from training.run_folder import MODEL, NEWEST
from training.scoring import Validation
from training.window_dataset import WindowDataset

LONG_S = 600.0
"""A training that takes longer is announced."""


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """The result of a training loop."""

    net: EmotionNet
    dataset: WindowDataset
    """With the features that the network reads."""
    global_stats: GlobalStatsPair
    epochs: int
    best_epoch: int


def fit(
    config: TrainConfig,
    data: DataModule,
    split: Split,
    folder: Path,
    *,
    fabric: Fabric,
    console: Console,
    title: str = "Training",
    save: Callable[[TrainedModel, str], None] = lambda _, __: None,
) -> TrainedModel:
    """Train on one split, and resume from a state that is in the folder.

    Args:
        config: options of the run.
        data: of all clips, with what the training clips of the split can teach.
        split: which clips are for what.
        folder: for the state and the log.
        fabric: from `make_fabric`.
        console: for progress.
        title: of the progress bar.
        save: called in the first process with the model and a file name after each epoch (`NEWEST`), and
            after the best so far (`MODEL`).

    The global statistics come from the training clips alone, the temperatures from the validation clips.
    Where the backbone is trained, each epoch begins with the statistics of its present features.
    """
    keep_memory()
    spec, crops = data.spec, data.crops
    prepared = prepare(config, data, split, folder, fabric)
    trainer, dataset, global_stats = prepared.trainer, prepared.dataset, prepared.global_stats
    trainer.resume()
    if crops is not None and trainer.steps_left:
        _say_how_long(trainer, console)

    def present(net: EmotionNet) -> TrainedModel:
        progress = trainer.progress
        return TrainedModel(net, dataset, global_stats, progress.epoch, progress.best_epoch)

    def on_epoch(net: EmotionNet) -> None:
        if crops is not None and spec.baselines and not prepared.validates:
            # Validation has stored the statistics of the present features otherwise.
            _features(data, split, net)
        save(present(net), NEWEST)

    with ProgressBar(console, title, "samples") as bar:
        trained = trainer.run(
            bar,
            lambda net: save(present(net), MODEL),
            on_epoch=on_epoch,
            say=lambda line: _say(console, f"{title}: {line}"),
        )
    dataset, global_stats = _features(data, split, trained)
    result = TrainedModel(trained, dataset, global_stats, trainer.progress.epoch, trainer.progress.best_epoch)
    temperatures = _temperatures(config, result, split if prepared.validates else None)
    trained.temperature.copy_(torch.tensor([temperatures[modality] for modality in MODALITIES]))
    return result


@dataclass(frozen=True, slots=True)
class PreparedTraining:
    """A trainer before its first step."""

    trainer: EmotionTrainer
    dataset: WindowDataset
    """With the features that the network reads at the beginning."""
    global_stats: GlobalStatsPair
    validates: bool
    """Whether there are clips by which an epoch is chosen."""


def prepare(
    config: TrainConfig, data: DataModule, split: Split, folder: Path, fabric: Fabric
) -> PreparedTraining:
    """The network, the batches and the validation of a run; arguments as for `fit`."""
    spec, crops = data.spec, data.crops
    config = replace(config, modality=spec.streams)
    net = build_model(data, config.manual_seed).to(fabric.device)
    dataset, global_stats = _features(data, split, net)
    images = image_pipeline(config)
    batches = BatchMaker(
        replace(data.dataset, session=dataset.session),
        split.training,
        spec,
        global_stats,
        augment=window_pipeline(config),
        mode_shares=mode_shares(config),
        balanced=config.balanced,
        soft_targets=_soft_targets(config, data),
        encode=None if crops is None else CropEncoder(fabric, net, crops, images),
        stream_share=config.stream_share,
        conditions=data.conditions,
        condition_share=config.condition_share,
    )
    validation_of: Callable[[EmotionNet], Validation] | None = None
    if len(scoring.scored_clips(data.dataset, split.validation)) and not config.no_val:
        validation_of = _validation(config, data, split, dataset, global_stats)

    def before_epoch(net: EmotionNet) -> None:
        if crops is not None and spec.baselines:
            batches.set_stats(*_features(data, split, net))

    trainer = EmotionTrainer(
        fabric,
        net,
        batches,
        config=config,
        folder=folder,
        validation=None if validation_of is None else lambda net: validation_of(net).scores(net),
        before_epoch=before_epoch,
    )
    return PreparedTraining(trainer, dataset, global_stats, validation_of is not None)


def _say(console: Console, line: str) -> None:
    """A line in a log; a terminal shows a progress bar in its place."""
    if not console.is_terminal:
        console.print(line, markup=False, highlight=False)


def _say_how_long(trainer: EmotionTrainer, console: Console) -> None:
    """Say how long a training takes before it begins, if that is long."""
    step_s = trainer.measure_step_s()
    total_s = step_s * trainer.steps_left
    if total_s > LONG_S:
        console.print(
            f"Training takes about {duration_text(total_s)} here: {trainer.steps_left:,} steps of "
            f"{duration_text(step_s)}. It can be stopped at any time, and --resume_path continues after its "
            f"last epoch.",
            style="yellow",
            markup=False,
            highlight=False,
        )


def _temperatures(config: TrainConfig, trained: TrainedModel, split: Split | None) -> dict[str, float]:
    """By modality: that of the options, of a cross-validation, or fitted to the validation clips."""
    if not config.temperature and config.figures:
        return dict(read_crossval(config)["temperature"])
    if not config.temperature and split is not None:
        predictions = scoring.predict_all(
            trained.net, trained.dataset, split.validation, trained.global_stats, modes=scoring.LIVE_MODES
        )
        fitted = scoring.fit_temperatures(predictions.truth, predictions.logits)
        # A model of one stream has the temperature of that stream alone.
        return {**dict.fromkeys(MODALITIES, 1.0), **fitted}
    return dict.fromkeys(MODALITIES, config.temperature or 1.0)


def _soft_targets(config: TrainConfig, data: DataModule) -> distillation.SoftTargets | None:
    if not config.teacher_path:
        return None
    video, audio = distillation.read_posteriors(
        Path(config.teacher_path), data.dataset.items, data.spec.labels
    )
    return distillation.SoftTargets(
        video,
        audio,
        video_share=config.teach_face,
        audio_share=config.teach_voice,
        joint_share=config.teach_both,
    )


def _features(data: DataModule, split: Split, net: EmotionNet) -> tuple[WindowDataset, GlobalStatsPair]:
    """The windows as a network reads them, and their statistics, which are stored in the network."""
    dataset = data.features(net)
    global_stats = compute_global_stats(dataset, data.spec, split.training.tolist())
    store_global_stats(net, global_stats)
    return dataset, global_stats


def _validation(
    config: TrainConfig,
    data: DataModule,
    split: Split,
    dataset: WindowDataset,
    global_stats: GlobalStatsPair,
) -> Callable[[EmotionNet], Validation]:
    """A function that returns the validation clips as a network's inputs."""
    spec, crops = data.spec, data.crops

    def of(dataset: WindowDataset, global_stats: GlobalStatsPair) -> Validation:
        return scoring.validation_set(
            dataset, split.validation, global_stats, spec, Modality(config.modality)
        )

    if crops is None:
        same = of(dataset, global_stats)
        return lambda _: same
    if spec.baselines:
        return lambda net: of(*_features(data, split, net))
    # A model of raw features needs no statistics, so the other clips are not encoded.
    return lambda net: of(crops.features(net, split.validation), global_stats)


def read_crossval(config: TrainConfig) -> dict[str, Any]:
    """The crossval.json that `--figures` names.

    Raises:
        ConfigError: it is not one.
    """
    try:
        stored = dict(json.loads(Path(config.figures).read_text()))
        stored["temperature"] = {m: float(stored["temperature"].get(m, 1.0)) for m in MODALITIES}
        return stored
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"{config.figures} is not the crossval.json of a cross-validation.") from error
