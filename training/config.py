"""Options of a training run: the command line, recipes, and the file that a run writes beside its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from emolive.cli.config import Arg, Range, Registered
from emolive.errors import ConfigError
from emolive.models.input_spec import MAX_PIXELS
from emolive.models.spec import ModelSpec
from emolive.normalization import MODES
from emolive.plugins import FUSIONS, VOICE_ENCODERS
from training import published_options, run_config
from training.augment.base import ImageAugmentation, WindowAugmentation
from training.augment.pipeline import with_augmentations
from training.fabric_config import FabricConfig
from training.modality_dropout import Mask

PUBLISHED_MILESTONES = (40, 55, 65, 70, 200, 250)
"""Epochs at which the published recipe divides the learning rate by ten."""
NOT_PART_OF_A_RUN = (
    *("result_path", "resume_path", "cache_path", "dry_run", "no_train", "n_epochs", "patience"),
    *("accelerator", "devices", "threads", "workers", "skip_faults", "allow_outside", "test_subset"),
    "strict",
)
"""Options that may differ between a run and the run that resumes it."""
NOT_PART_OF_A_TEST = (
    *NOT_PART_OF_A_RUN,
    *("annotation_path", "no_val", "fold", "test_actors", "validation_actors", "leave_out_actors"),
    *("neutral_label", "num_nodes"),
)
"""Options with which a run may be tested that differ from those of its training."""


@dataclass(frozen=True)
class TrainConfig(FabricConfig):
    """Options of a training run. Names are those of the published code where it has the option.

    `run_class()` adds the options of all registered augmentations.
    """

    annotation_path: str = ""
    """Annotation file: annotations.csv, or the published annotations.txt."""
    result_path: str = "result"
    """Folder for checkpoints, logs and results."""
    cache_path: str = ""
    """Folder for extracted windows (default: in the user's data folder)."""
    allow_outside: bool = False
    """Accept paths that leave the annotation file's folder."""
    skip_faults: bool = False
    """Leave out clips that cannot be read instead of stopping."""
    strict: bool = False
    """Refuse data that the check before training has something to say about."""
    workers: Annotated[int, Range(0, 1024)] = 0
    """Processes that extract windows; 0 uses this process."""
    fold: str = ""
    """Fold of a cross-validation scheme, such as 5fold:1, rotation:2, loao:3, corpus:1 or reference:1."""
    test_actors: str = ""
    """Actors to test on, such as 1,5,9."""
    validation_actors: str = ""
    """Actors by whom the best epoch is chosen."""
    leave_out_actors: str = ""
    """Actors whose clips are not used at all."""

    fusion: Annotated[str, Registered(FUSIONS)] = "lt"
    """Fusion of the two streams."""
    encoder: str = "landmarks"
    """Frame encoders, separated by commas."""
    arch: Annotated[str, Arg(aliases=("variant",))] = "emolive-stream"
    """Architecture of the network: emolive-stream, emolive or chumachenko2022."""
    width: Annotated[float, Range(0.05, 8)] = 1.0
    """Width of the branches relative to the published one."""
    dropout: Annotated[float, Range(0, 0.95)] = 0.15
    """Dropout in the branches."""
    num_heads: Annotated[int, Range(1, 64)] = 1
    """Attention heads."""
    sample_size: Annotated[int, Range(0, MAX_PIXELS)] = 0
    """Side of a face crop in pixels, if an encoder reads crops; 0: as its weights were trained."""
    sample_duration: Annotated[int, Range(4, 240)] = 15
    """Bins (frames as the network sees them) in a window."""
    n_classes: Annotated[int, Range(0, 1000)] = 0
    """Number of classes; 0: as in the annotations."""
    neutral_label: str = ""
    """Label of the neutral clips, with which people are calibrated (default: neutral, in any case)."""
    audio: Annotated[str, Registered(VOICE_ENCODERS)] = "moonshine"
    """Audio features."""
    modality: Literal["av", "a", "v"] = "av"
    """Streams to train on."""

    backbone: Annotated[Literal["frozen", "finetune"], Arg(aliases=("trunk",))] = "frozen"
    """Whether a learned frame encoder is trained too."""
    backbone_lr_scale: Annotated[float, Range(1e-6, 10), Arg(aliases=("trunk-rate",))] = 0.1
    """Learning rate of the backbone relative to that of the rest."""
    recipe: str = "default"
    """Defaults of the options: default, published, or a YAML file of options."""
    mask: Mask = "nodropout"
    """Modality dropout."""
    p_video: Annotated[float, Range(0, 1)] = 0.05
    """Share of samples without video (mask drop)."""
    p_audio: Annotated[float, Range(0, 1)] = 0.05
    """Share of samples without audio (mask drop)."""
    n_epochs: Annotated[int, Range(1, 100_000)] = 120
    """Epochs."""
    batch_size: Annotated[int, Range(1, 100_000)] = 32
    """Samples in a step over all devices."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """Optimizer."""
    momentum: Annotated[float, Range(0, 0.9999)] = 0.9
    """Momentum of sgd."""
    dampening: Annotated[float, Range(0, 1)] = 0.9
    """Dampening of sgd's momentum."""
    schedule: Literal["one_cycle", "steps"] = "one_cycle"
    """Learning rate schedule."""
    lr_steps: Annotated[tuple[int, ...], Range(1, 100_000)] = PUBLISHED_MILESTONES
    """Epochs at which the schedule steps divides the learning rate by ten."""
    learning_rate: Annotated[float, Range(1e-9, 10)] = 2e-3
    """Highest learning rate."""
    weight_decay: Annotated[float, Range(0, 10)] = 0.05
    """Weight decay."""
    warmup: Annotated[float, Range(0.001, 0.9)] = 0.15
    """Share of the steps in which the learning rate rises (one_cycle)."""
    joint_grad_scale: Annotated[float, Range(0, 1), Arg(aliases=("joint-gradient",))] = 0.25
    """Share of the fusion's gradient that reaches the branches."""
    aux: Annotated[float, Range(0, 100)] = 1.0
    """Weight of the loss of each stream alone."""
    label_smoothing: Annotated[float, Range(0, 0.9)] = 0.1
    """Share of a target that is spread over all classes."""
    teacher_path: str = ""
    """CSV with soft targets of a teacher: id, face_LABEL..., voice_LABEL..."""
    teach_face: Annotated[float, Range(0, 1)] = 0.3
    """Share of the teacher in the target of the video alone."""
    teach_voice: Annotated[float, Range(0, 1)] = 0.5
    """Share of the teacher in the target of the audio alone."""
    teach_both: Annotated[float, Range(0, 1)] = 0.0
    """Share of the teacher in the target of both streams."""
    ema_decay: Annotated[float, Range(0, 0.99999), Arg(aliases=("ema",))] = 0.99
    """Decay of the moving average of the weights; 0 = off."""
    grad_clip: Annotated[float, Range(0, 1e6), Arg(aliases=("clip-norm",))] = 1.0
    """Max gradient norm; 0 = off."""
    accumulate: Annotated[int, Range(1, 1024)] = 1
    """Batches whose gradients are accumulated for a step."""
    balanced: bool = False
    """Draw each class equally often."""
    baseline_shares: str = "0.3,0.3,0.4"
    """How often the normalization modes none, neutral, running are drawn."""
    shifts: Annotated[int, Range(1, 101)] = 3
    """Windows extracted from each clip; odd."""
    stream_share: Annotated[float, Range(0, 1)] = 0.7
    """Share of training windows that are drawn from streams of a person's clips."""
    conditions: Annotated[int, Range(0, 20)] = 2
    """Other recording conditions (rooms, noises, lines) under which each person's sound is extracted too."""
    condition_share: Annotated[float, Range(0, 1)] = 0.4
    """Share of training windows under one of these conditions."""

    manual_seed: Annotated[int, Range(0, 2**31 - 1)] = 1
    """Seed of all random numbers."""
    patience: Annotated[int, Range(0, 100_000)] = 0
    """Stop after so many epochs without a better one; 0 = never."""
    pretrain_path: str = ""
    """Weights to start from: a checkpoint, a backbone file, or EfficientFace's .pth.tar, which also brings
    the published recipe; None: random ones (default: the shipped backbone, if an encoder needs one)."""
    resume_path: str = ""
    """Result folder of a run to resume."""
    no_train: bool = False
    """Only test the model in the result folder, with the options of its run."""
    no_val: bool = False
    """Choose no epoch by validation; keep the last."""
    test_subset: Literal["test", "val"] = "test"
    """Split to evaluate at the end."""
    temperature: Annotated[float, Range(0, 20)] = 0.0
    """Temperature of the probabilities; 0 fits it to the validation split."""
    figures: str = ""
    """A crossval.json whose results and temperature go into the checkpoint."""
    licence: str = "not stated"
    """Licence of the weights, which follows from that of the data."""
    dry_run: bool = False
    """Check the options and print the plan without training."""

    def __post_init__(self) -> None:
        if self.shifts % 2 == 0:
            raise ConfigError(
                f"--shifts must be odd, so that one of the windows is the centre, not {self.shifts}."
            )
        if self.sample_size % 2 or 0 < self.sample_size < 32:
            raise ConfigError(
                f"--sample-size must be even and from 32 to {MAX_PIXELS}, not {self.sample_size}."
            )
        if self.p_video + self.p_audio > 1:
            raise ConfigError("--p-video and --p-audio must not add up to more than 1.")
        if self.batch_size % self.devices:
            raise ConfigError(
                f"--batch-size {self.batch_size} must be divisible by --devices {self.devices}."
            )
        if self.backbone == "finetune":
            if len(self.encoders) != 1 or not _has_learned_encoder(self.encoder):
                raise ConfigError(
                    f"--backbone finetune needs a learned frame encoder alone, not {self.encoder}."
                )
            if getattr(self, "mixup", 0) and self.devices * self.num_nodes > 1:
                raise ConfigError("--mixup with --backbone finetune works with one process only.")
        mode_shares(self)

    @property
    def encoders(self) -> tuple[str, ...]:
        """Names of the frame encoders."""
        return tuple(split_list(self.encoder))

    @property
    def n_threads(self) -> int:
        """See `FabricConfig`. A head alone is so small that a second thread mostly waits for the first."""
        return self.threads or (0 if self.backbone == "finetune" else 1)

    @property
    def is_published(self) -> bool:
        """Whether the recipe is that of the published code."""
        return self.recipe == "published"


def run_class() -> type[TrainConfig]:
    """`TrainConfig` with the options of all registered augmentations."""
    return with_augmentations(TrainConfig, WindowAugmentation, ImageAugmentation)


def parse(
    argv: Sequence[str], *, prog: str, extra: Sequence[type] = (), description: str = ""
) -> tuple[Any, ...]:
    """The options of a run from a command line, followed by an instance of each class in `extra`.

    Raises:
        ConfigError: an option is wrong or a file cannot be read.
    """
    layers = run_config.parse_layers(
        (run_class(), *extra),
        published_options.translate(argv),
        NOT_PART_OF_A_RUN,
        prog,
        description,
        default_recipe=_recipe_of,
        not_part_of_a_test=NOT_PART_OF_A_TEST,
    )
    return _instantiate(layers)


def from_values(values: Mapping[str, Any]) -> TrainConfig:
    """The options of a run from values by option name, as on a command line.

    Raises:
        ConfigError: a name is unknown, or a value has a wrong type or is out of range.
    """
    (config,) = _instantiate(
        run_config.value_layers((run_class(),), values, NOT_PART_OF_A_RUN, default_recipe=_recipe_of)
    )
    assert isinstance(config, TrainConfig)
    return config


def _recipe_of(values: Mapping[str, Any]) -> str:
    """The recipe if none is named: weights of the published code bring its recipe."""
    published = published_options.is_published_weights(str(values.get("pretrain_path", "")))
    return "published" if published and "encoder" not in values else ""


def _instantiate(layers: run_config.Layers) -> tuple[Any, ...]:
    recipe = dict(layers.recipe)
    if not _has_learned_encoder(str(layers.merged.get("encoder", TrainConfig.encoder))):
        # A recipe may train everything, but this model has no backbone.
        recipe.pop("backbone", None)
    return layers.parser.instantiate({**recipe, **layers.stored, **layers.command_line})


def _has_learned_encoder(encoder: str) -> bool:
    """Whether one of the encoders of `--encoder` is trained with the model."""
    encoders = tuple(split_list(encoder))
    return bool(encoders) and ModelSpec(encoders=encoders).learned_encoder is not None


def mode_shares(config: TrainConfig) -> list[float]:
    """How often each normalization mode is drawn; they sum to 1.

    Raises:
        ConfigError: the option does not hold three numbers.
    """
    try:
        shares = [float(part) for part in config.baseline_shares.split(",")]
    except ValueError:
        shares = []
    if len(shares) != len(MODES) or min(shares) < 0 or not sum(shares) > 0:
        raise ConfigError(
            f"--baseline-shares must be three numbers such as 0.3,0.3,0.4, not {config.baseline_shares}."
        )
    return [share / sum(shares) for share in shares]


def split_list(text: str) -> list[str]:
    """ "1, 5,9" → ["1", "5", "9"]."""
    return [part.strip() for part in text.split(",") if part.strip()]
