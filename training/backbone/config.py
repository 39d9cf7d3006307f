"""Options of the pretraining of a backbone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from emolive.cli.config import Arg, Range
from emolive.errors import ConfigError
from emolive.models.efficientface import MIN_SIZE
from training import run_config
from training.augment.base import ImageAugmentation
from training.augment.pipeline import with_augmentations
from training.fabric_config import FabricConfig

NOT_PART_OF_A_RUN = (
    *("data", "result_path", "resume_path", "dry_run", "accelerator", "devices", "threads", "licence"),
    *("n_epochs", "patience"),
)
"""Options that may differ between a run and the run that resumes it."""
RECIPE = "backbone"
"""In recipes/: options of the augmentations for single faces."""


@dataclass(frozen=True)
class BackboneConfig(FabricConfig):
    """Pretrain a face encoder on images of single faces."""

    data: Annotated[str, Arg(positional=True, metavar="DATA")] = ""
    """Folder or zip file in FERPlus's layout, or with train/CLASS/image."""
    result_path: str = "result"
    """Folder for the backbone, checkpoints and logs."""
    resume_path: str = ""
    """Result folder of a run to resume."""
    pretrain_path: str = ""
    """Weights to start from: a backbone file, or EfficientFace's .pth.tar."""
    recipe: str = RECIPE
    """Defaults of the options: backbone, or a YAML file of options."""
    labels: str = ""
    """Names of the class folders in their order, such as neutral,happy,sad."""
    licence: str = "not stated"
    """Licence of the weights, which follows from that of the data."""
    sample_size: Annotated[int, Range(MIN_SIZE, 1024)] = 48
    """Side of a face in pixels; even."""
    order: Literal["BGR", "RGB"] = "BGR"
    """Order of the channels."""
    n_epochs: Annotated[int, Range(1, 100_000), Arg(aliases=("epochs",))] = 40
    """Epochs."""
    batch_size: Annotated[int, Range(2, 100_000)] = 64
    """Faces in a step over all devices."""
    learning_rate: Annotated[float, Range(1e-9, 10)] = 3e-3
    """Highest learning rate."""
    weight_decay: Annotated[float, Range(0, 10)] = 0.05
    """Weight decay."""
    warmup: Annotated[float, Range(0.001, 0.9)] = 0.15
    """Share of the steps in which the learning rate rises."""
    dropout: Annotated[float, Range(0, 0.95)] = 0.2
    """Dropout of the backbone's features."""
    label_smoothing: Annotated[float, Range(0, 0.9)] = 0.0
    """Share of a target that is spread over all classes."""
    ema_decay: Annotated[float, Range(0, 0.99999), Arg(aliases=("ema",))] = 0.999
    """Decay of the moving average of the weights; 0 = off."""
    grad_clip: Annotated[float, Range(0, 1e6), Arg(aliases=("clip-norm",))] = 5.0
    """Max gradient norm; 0 = off."""
    balance: Annotated[float, Range(0, 1)] = 0.0
    """0 draws classes as often as they are in the data, 1 equally often."""
    mixup: Annotated[float, Range(0, 100)] = 0.0
    """Alpha of mixup's Beta distribution; 0 = off."""
    manual_seed: Annotated[int, Range(0, 2**31 - 1)] = 1
    """Seed of all random numbers."""
    patience: Annotated[int, Range(0, 100_000)] = 0
    """Stop after so many epochs without a better one; 0 = never."""
    dry_run: bool = False
    """Check the options and print the plan without training."""

    accumulate: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if self.sample_size % 2:
            raise ConfigError(f"--sample-size must be even, not {self.sample_size}.")
        if self.batch_size % self.devices:
            raise ConfigError(
                f"--batch-size {self.batch_size} must be divisible by --devices {self.devices}."
            )
        if not self.data:
            raise ConfigError("DATA is missing: name a folder or zip file of faces.")


def run_class() -> type[BackboneConfig]:
    """`BackboneConfig` with the options of all registered image augmentations."""
    return with_augmentations(BackboneConfig, ImageAugmentation)


def parse(argv: Sequence[str], *, prog: str, description: str = "") -> BackboneConfig:
    """The options of a run from a command line.

    Raises:
        ConfigError: an option is wrong or a file cannot be read.
    """
    return _instantiate(
        run_config.parse_layers(
            (run_class(),), argv, NOT_PART_OF_A_RUN, prog, description, default_recipe=lambda _: RECIPE
        )
    )


def from_values(values: Mapping[str, Any]) -> BackboneConfig:
    """The options of a run from values by option name, as on a command line.

    Raises:
        ConfigError: a name is unknown, or a value has a wrong type or is out of range.
    """
    return _instantiate(
        run_config.value_layers((run_class(),), values, NOT_PART_OF_A_RUN, default_recipe=lambda _: RECIPE)
    )


def _instantiate(layers: run_config.Layers) -> BackboneConfig:
    (config,) = layers.parser.instantiate(layers.merged)
    assert isinstance(config, BackboneConfig)
    return config
