"""The options of pretraining on faces."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from emolive.atomic_io import atomic_write
from emolive.errors import EmoliveError
from emolive.models.efficientface import MIN_SIZE
from training import config
from training.backbone.augment import AugmentConfig
from training.cli_options import add_options, check_same_run, check_values, option
from training.config import CONFIG


@dataclass(frozen=True)
class FaceOptions:
    """Everything that a run depends on; names as in `emolive-train` where it has them."""

    data: str = option("", "folder or zip file: FERPlus's layout, or train/CLASS/picture")
    result_path: str = option("result", "folder for the trunk, state and logs")
    resume_path: str = option("", "result folder of a run to go on with")
    pretrain_path: str = option("", "weights to start from: a trunk file, or EfficientFace's .pth.tar")
    labels: str = option("", "names of the class folders in their order, as neutral,happy,sad")
    licence: str = option("not stated", "licence of the weights, from that of the data")
    sample_size: int = option(48, "side of a face in pixels, even", MIN_SIZE, 1024)
    order: str = option("BGR", "order of the channels", choices=("BGR", "RGB"))
    n_epochs: int = option(40, "epochs", 1, 100_000)
    batch_size: int = option(64, "faces a step, over all devices", 2, 100_000)
    learning_rate: float = option(3e-3, "highest learning rate", 1e-9, 10)
    weight_decay: float = option(0.05, "weight decay", 0, 10)
    warmup: float = option(0.15, "share of the steps in which the rate rises", 0.001, 0.9)
    dropout: float = option(0.2, "of the trunk's vector", 0, 0.95)
    label_smoothing: float = option(0.0, "share of a target spread over all classes", 0, 0.9)
    ema: float = option(0.999, "decay of the running mean of the weights; 0 for none", 0, 0.99999)
    clip_norm: float = option(5.0, "longest gradient; 0 for any", 0, 1e6)
    balance: float = option(0.0, "0: classes as often as they are; 1: equally often", 0, 1)
    flip: float = option(0.5, "share of mirrored faces", 0, 1)
    shift: float = option(0.08, "of the side", 0, 0.5)
    rotation: float = option(15.0, "degrees", 0, 180)
    scale: float = option(0.15, "larger or smaller", 0, 0.9)
    brightness: float = option(0.2, "of the full range", 0, 1)
    contrast: float = option(0.3, "more or less", 0, 1)
    tint: float = option(0.1, "more or less of each channel, in colour pictures", 0, 1)
    occlusion: float = option(0.3, "share of faces with a rectangle before them", 0, 1)
    mixup: float = option(0.0, "of Beta(a, a); 0 for none", 0, 100)
    manual_seed: int = option(1, "seed of everything random", 0, 2**31 - 1)
    patience: int = option(0, "stop after so many epochs without a better one; 0 never", 0, 100_000)
    accelerator: str = option("cpu", "where to train", choices=("cpu", "cuda", "mps", "auto"))
    devices: int = option(1, "processes (cpu) or GPUs on each node", 1, 1024)
    num_nodes: int = option(1, "machines", 1, 1024)
    precision: str = option("32-true", "number format", choices=config.PRECISIONS)
    threads: int = option(1, "threads for torch on a CPU", 1, 256)
    dry_run: bool = option(False, "check everything and say what would be done")

    accumulate: ClassVar[int] = 1

    @property
    def strengths(self) -> AugmentConfig:
        return AugmentConfig(**{f.name: getattr(self, f.name) for f in fields(AugmentConfig)})

    @property
    def engine(self) -> config.Options:
        """What `training.fabric.make_fabric` reads."""
        names = ("accelerator", "devices", "num_nodes", "precision", "threads")
        return config.Options(**{name: getattr(self, name) for name in names})


NOT_PART_OF_A_RUN = ("data", "result_path", "resume_path", "dry_run", "devices", "threads", "licence")
"""May differ between a run and the run that goes on with it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Every option, with hyphens or underscores; nothing is set that was not given."""
    parser.add_argument("data", nargs="?", default=argparse.SUPPRESS, help="folder or zip file of faces")
    add_options(parser, FaceOptions, without=("data",), also={"n_epochs": "--epochs"})


def options_from(given: dict[str, Any]) -> FaceOptions:
    """Defaults, then those of --config or --resume_path, then what was given.

    Raises:
        EmoliveError: a file cannot be read, or a value is out of range.
    """
    values = dict(given)
    stored: dict[str, Any] = {}
    if path := values.pop("config", ""):
        stored = _read(Path(path))
    if resume := values.get("resume_path", ""):
        folder = Path(resume)
        stored = {**_read(folder / CONFIG), "result_path": str(folder)}
        check_same_run(folder, stored, values, NOT_PART_OF_A_RUN)
    return _checked(FaceOptions(**{**stored, **values}))


def write(folder: Path, options: FaceOptions) -> None:
    """Written so that `--config` starts the same run again."""
    with atomic_write(folder / CONFIG) as part:
        part.write_text(json.dumps({"faces": asdict(options)}, indent=1) + "\n")


def _read(path: Path) -> dict[str, Any]:
    try:
        values = dict(json.loads(path.read_text())["faces"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmoliveError(f"{path} is not the config.json of a run on faces.") from error
    if odd := sorted(set(values) - {f.name for f in fields(FaceOptions)}):
        raise EmoliveError(f"{path} has an option that this version does not know: {odd[0]}.")
    return values


def _checked(options: FaceOptions) -> FaceOptions:
    check_values(options)
    if options.sample_size % 2:
        raise EmoliveError(f"--sample_size must be even, and is {options.sample_size}.")
    if options.batch_size % options.devices:
        raise EmoliveError(f"--batch_size {options.batch_size} must divide by --devices {options.devices}.")
    if not options.data:
        raise EmoliveError("No faces were named: give a folder or zip file.")
    return options
