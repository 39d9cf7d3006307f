"""The options of pretraining on faces."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from emolive.errors import EmoliveError
from emolive.files import whole
from emolive.models.trunk import MIN_SIZE
from training import config
from training.config import CONFIG
from training.faces.augment import Strengths


def _option(
    default: Any,
    text: str,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] | None = None,
) -> Any:
    return field(default=default, metadata={"help": text, "low": low, "high": high, "choices": choices})


@dataclass(frozen=True)
class FaceOptions:
    """Everything that a run depends on; names as in `emolive-train` where it has them."""

    data: str = _option("", "folder or zip file: FERPlus's layout, or train/CLASS/picture")
    result_path: str = _option("result", "folder for the trunk, state and logs")
    resume_path: str = _option("", "result folder of a run to go on with")
    pretrain_path: str = _option("", "weights to start from: a trunk file, or EfficientFace's .pth.tar")
    labels: str = _option("", "names of the class folders in their order, as neutral,happy,sad")
    licence: str = _option("not stated", "licence of the weights, from that of the data")
    sample_size: int = _option(48, "side of a face in pixels, even", MIN_SIZE, 1024)
    order: str = _option("BGR", "order of the channels", choices=("BGR", "RGB"))
    n_epochs: int = _option(40, "epochs", 1, 100_000)
    batch_size: int = _option(64, "faces a step, over all devices", 2, 100_000)
    learning_rate: float = _option(3e-3, "highest learning rate", 1e-9, 10)
    weight_decay: float = _option(0.05, "weight decay", 0, 10)
    warmup: float = _option(0.15, "share of the steps in which the rate rises", 0.001, 0.9)
    dropout: float = _option(0.2, "of the trunk's vector", 0, 0.95)
    label_smoothing: float = _option(0.0, "share of a target spread over all classes", 0, 0.9)
    ema: float = _option(0.999, "decay of the running mean of the weights; 0 for none", 0, 0.99999)
    clip_norm: float = _option(5.0, "longest gradient; 0 for any", 0, 1e6)
    balance: float = _option(0.0, "0: classes as often as they are; 1: equally often", 0, 1)
    flip: float = _option(0.5, "share of mirrored faces", 0, 1)
    shift: float = _option(0.08, "of the side", 0, 0.5)
    rotation: float = _option(15.0, "degrees", 0, 180)
    scale: float = _option(0.15, "larger or smaller", 0, 0.9)
    brightness: float = _option(0.2, "of the full range", 0, 1)
    contrast: float = _option(0.3, "more or less", 0, 1)
    tint: float = _option(0.1, "more or less of each channel, in colour pictures", 0, 1)
    occlusion: float = _option(0.3, "share of faces with a rectangle before them", 0, 1)
    mixup: float = _option(0.0, "of Beta(a, a); 0 for none", 0, 100)
    manual_seed: int = _option(1, "seed of everything random", 0, 2**31 - 1)
    patience: int = _option(0, "stop after so many epochs without a better one; 0 never", 0, 100_000)
    accelerator: str = _option("cpu", "where to train", choices=("cpu", "cuda", "mps", "auto"))
    devices: int = _option(1, "processes (cpu) or GPUs on each node", 1, 1024)
    num_nodes: int = _option(1, "machines", 1, 1024)
    precision: str = _option("32-true", "number format", choices=config.PRECISIONS)
    threads: int = _option(1, "threads for torch on a CPU", 1, 256)
    dry_run: bool = _option(False, "check everything and say what would be done")

    @property
    def strengths(self) -> Strengths:
        return Strengths(**{f.name: getattr(self, f.name) for f in fields(Strengths)})

    @property
    def engine(self) -> config.Options:
        """What `training.engine.make_fabric` reads."""
        names = ("accelerator", "devices", "num_nodes", "precision", "threads")
        return config.Options(**{name: getattr(self, name) for name in names})


NOT_PART_OF_A_RUN = ("data", "result_path", "resume_path", "dry_run", "devices", "threads", "licence")
"""May differ between a run and the run that goes on with it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Every option, with hyphens or underscores; nothing is set that was not given."""
    parser.add_argument("data", nargs="?", default=argparse.SUPPRESS, help="folder or zip file of faces")
    parser.add_argument("--config", default="", help="config.json of an earlier run, to start it again")
    for f in fields(FaceOptions):
        if f.name == "data":
            continue
        names = [f"--{f.name}"] + ([f"--{f.name.replace('_', '-')}"] if "_" in f.name else [])
        names += ["--epochs"] if f.name == "n_epochs" else []
        text = f"{f.metadata['help']} (default: {f.default})".replace("%", "%%")
        given: dict[str, Any] = {"default": argparse.SUPPRESS, "help": text, "dest": f.name}
        if isinstance(f.default, bool):
            parser.add_argument(*names, action="store_true", **given)
        else:
            choices = f.metadata["choices"]
            metavar = None if choices else f.name.upper()
            parser.add_argument(*names, type=type(f.default), choices=choices, metavar=metavar, **given)


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
        for key, value in values.items():
            if key not in NOT_PART_OF_A_RUN and stored.get(key) != value:
                raise EmoliveError(
                    f"The run in {folder} has {key} {stored.get(key)}, and {value} was asked for: leave the "
                    f"option out, or start a new run."
                )
    return _checked(FaceOptions(**{**stored, **values}))


def write(folder: Path, options: FaceOptions) -> None:
    """Written so that `--config` starts the same run again."""
    with whole(folder / CONFIG) as part:
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
    for f in fields(FaceOptions):
        value, low, high = getattr(options, f.name), f.metadata["low"], f.metadata["high"]
        kind = type(f.default)
        if not isinstance(value, kind) and not (kind is float and isinstance(value, int)):
            raise EmoliveError(f"--{f.name} must be {kind.__name__}, and is {value!r}.")
        if f.metadata["choices"] and value not in f.metadata["choices"]:
            raise EmoliveError(f"--{f.name} must be one of {', '.join(f.metadata['choices'])}, not {value}.")
        if low is not None and not low <= value <= high:
            raise EmoliveError(f"--{f.name} must be from {low:g} to {high:g}, and is {value:g}.")
    if options.sample_size % 2:
        raise EmoliveError(f"--sample_size must be even, and is {options.sample_size}.")
    if options.batch_size % options.devices:
        raise EmoliveError(f"--batch_size {options.batch_size} must divide by --devices {options.devices}.")
    if not options.data:
        raise EmoliveError("No faces were named: give a folder or zip file.")
    return options
