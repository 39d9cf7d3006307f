"""The options of a run: one table for the command line, the file beside a result, and the checks."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from emolive.atomic_io import atomic_write
from emolive.errors import EmoliveError
from emolive.models.spec import AudioSpec, ModelSpec, PixelSpec
from emolive.plugins import FRAME_ENCODERS
from training.augment import AugmentConfig
from training.backbone.augment import AugmentConfig as PixelStrengths
from training.cli_options import add_options, check_same_run, check_values, option
from training.modality_dropout import MASKS

CONFIG = "config.json"
RECIPES = ("default", "reference")
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed", "64-true")
OUR_AUDIO = AudioSpec(kind="logmel", n_fft=1024, hop_length=441, n_mels=64, fmin_hz=50.0, fmax_hz=8000.0)
TRUNKS = ("frozen", "finetune")
MODES = ("none", "neutral", "running")


@dataclass(frozen=True)
class Options:
    """Everything that a run depends on. Names are those of the published code where it has them."""

    annotation_path: str = option("", "annotations.csv, or the published annotations.txt")
    result_path: str = option("result", "folder for checkpoints, logs and figures")
    cache_path: str = option("", "folder for clips cut into windows (default: the user's data folder)")
    allow_outside: bool = option(False, "accept paths that leave the annotation file's folder")
    skip_faults: bool = option(False, "leave out clips that cannot be read instead of stopping")
    workers: int = option(0, "processes that cut clips into windows; 0 does it in this one", low=0, high=1024)
    fold: str = option("", "fold of a scheme, as 5fold:1, rotation:2, loao:3 or reference:1")
    test_actors: str = option("", "actors to test on, as 1,5,9")
    validation_actors: str = option("", "actors to choose the best epoch by")
    leave_out_actors: str = option("", "actors that no part of the run may see")

    fusion: str = option("lt", "lt, it, ia or another registered fusion")
    encoder: str = option("landmarks", f"frame encoders, comma between: {', '.join(FRAME_ENCODERS)}")
    arch: str = option("emolive", "architecture of the network: emolive or chumachenko2022")
    width: float = option(1.0, "width of the branches relative to the published", low=0.05, high=8)
    dropout: float = option(0.15, "dropout in the branches", low=0, high=0.95)
    num_heads: int = option(1, "attention heads", low=1, high=64)
    sample_size: int = option(224, "side of a face crop in pixels (efficientface)", low=32, high=1024)
    sample_duration: int = option(15, "frames in a window", low=4, high=240)
    n_classes: int = option(0, "number of classes; 0 takes them from the annotations", low=0, high=1000)
    audio: str = option("logmel", "audio features", choices=("logmel", "mfcc"))
    modality: str = option("av", "train on both streams, sound or picture", choices=("av", "a", "v"))

    backbone: str = option("frozen", "pixel trunk: as it is on kept vectors, or trained too", choices=TRUNKS)
    trunk_rate: float = option(0.1, "learning rate of the trunk relative to the rest's", low=1e-6, high=10)
    recipe: str = option("default", "reference: the published recipe to the letter", choices=RECIPES)
    mask: str = option("nodropout", "modality dropout", choices=MASKS)
    p_video: float = option(0.05, "share of samples that lose their face (drop)", low=0, high=1)
    p_audio: float = option(0.05, "share of samples that lose their voice (drop)", low=0, high=1)
    n_epochs: int = option(40, "epochs", low=1, high=100_000)
    batch_size: int = option(32, "samples a step, over all devices", low=1, high=100_000)
    learning_rate: float = option(2e-3, "highest learning rate", low=1e-9, high=10)
    weight_decay: float = option(0.05, "weight decay", low=0, high=10)
    warmup: float = option(0.15, "share of the steps in which the rate rises", low=0.001, high=0.9)
    joint_gradient: float = option(
        0.25, "share of the fusion's gradient that reaches the branches", low=0, high=1
    )
    aux: float = option(1.0, "weight of the loss with each stream alone", low=0, high=100)
    label_smoothing: float = option(0.1, "share of a target spread over all classes", low=0, high=0.9)
    teacher_path: str = option("", "CSV of soft targets beside the labels: id, face_LABEL…, voice_LABEL…")
    teach_face: float = option(0.3, "share of the teacher in the target of the face alone", low=0, high=1)
    teach_voice: float = option(0.5, "share of the teacher in the target of the voice alone", low=0, high=1)
    teach_both: float = option(0.0, "share of the teacher in the target of both", low=0, high=1)
    ema: float = option(0.99, "decay of the running mean of the weights; 0 for none", low=0, high=0.99999)
    clip_norm: float = option(1.0, "longest gradient; 0 for any", low=0, high=1e6)
    balanced: bool = option(False, "draw each class equally often")
    baseline_shares: str = option("0.3,0.3,0.4", f"how often {', '.join(MODES)} are drawn")

    flip: float = option(0.5, "share of mirrored faces", low=0, high=1)
    landmark_affine: float = option(0.075, "deviation of plane maps near the identity", low=0, high=1)
    rotation: float = option(10.0, "degrees (finetune)", low=0, high=180)
    shift: float = option(0.05, "of a crop's side (finetune)", low=0, high=0.5)
    scale: float = option(0.1, "crop larger or smaller (finetune)", low=0, high=0.9)
    brightness: float = option(0.2, "of the full range (finetune)", low=0, high=1)
    contrast: float = option(0.3, "more or less (finetune)", low=0, high=1)
    tint: float = option(0.1, "more or less of each channel (finetune)", low=0, high=1)
    occlusion: float = option(0.2, "share of faces with a rectangle before them (finetune)", low=0, high=1)
    landmark_noise: float = option(0.1, "of each bin, in units of the baseline's scale", low=0, high=10)
    landmark_offset: float = option(0.2, "of each clip, in the same units", low=0, high=10)
    few_frames: float = option(0.15, "share of clips from a camera that is slow", low=0, high=1)
    late: float = option(0.05, "share of windows of which only the end is there", low=0, high=1)
    missing_bins: int = option(2, "longest stretch of bins without a face", low=0, high=240)
    gain_db: float = option(2.0, "deviation of loudness", low=0, high=60)
    eq_db: float = option(2.0, "deviation of each band's loudness", low=0, high=60)
    noise: float = option(0.15, "share of clips with a steady noise behind them (logmel)", low=0, high=1)
    masked_bands: int = option(12, "widest mask over bands", low=0, high=128)
    masked_steps: int = option(24, "longest mask over steps", low=0, high=1000)
    mixup: float = option(0.0, "of Beta(a, a); 0 for none", low=0, high=100)
    shifts: int = option(11, "windows cut from each clip, odd", low=1, high=101)

    manual_seed: int = option(1, "seed of everything random", low=0, high=2**31 - 1)
    patience: int = option(0, "stop after so many epochs without a better one; 0 never", low=0, high=100_000)
    accelerator: str = option("cpu", "where to train", choices=("cpu", "cuda", "mps", "auto"))
    devices: int = option(1, "processes (cpu) or GPUs on each node", low=1, high=1024)
    num_nodes: int = option(1, "machines", low=1, high=1024)
    precision: str = option("32-true", "number format", choices=PRECISIONS)
    accumulate: int = option(1, "batches whose gradients are added for a step", low=1, high=1024)
    threads: int = option(1, "threads for torch on a CPU", low=1, high=256)

    pretrain_path: str = option(
        "",
        "weights to start from: a checkpoint, a trunk file or EfficientFace's .pth.tar; none: shipped trunk",
    )
    resume_path: str = option("", "result folder of a run to go on with")
    no_train: bool = option(False, "only evaluate what is in the result folder")
    no_val: bool = option(False, "choose no epoch by validation: keep the last")
    test_subset: str = option("test", "which split to test at the end", choices=("test", "val"))
    temperature: float = option(0.0, "calibration; 0 fits it to the validation split", low=0, high=20)
    figures: str = option("", "crossval.json whose figures and temperature go into the checkpoint")
    licence: str = option("not stated", "licence of the weights, from that of the data")
    dry_run: bool = option(False, "check everything and say what would be done")


REFERENCE_RECIPE: dict[str, Any] = {
    "mask": "softhard",
    "n_epochs": 100,
    "batch_size": 8,
    "learning_rate": 0.04,
    "weight_decay": 1e-3,
    "joint_gradient": 1.0,
    "aux": 0.0,
    "label_smoothing": 0.0,
    "ema": 0.0,
    "clip_norm": 0.0,
    "dropout": 0.0,
    "arch": "chumachenko2022",
    "landmark_affine": 0.0,
    "landmark_noise": 0.0,
    "landmark_offset": 0.0,
    "few_frames": 0.0,
    "late": 0.0,
    "missing_bins": 0,
    "gain_db": 0.0,
    "eq_db": 0.0,
    "noise": 0.0,
    "masked_bands": 0,
    "masked_steps": 0,
    "mixup": 0.0,
    "shifts": 1,
    "backbone": "finetune",
    "trunk_rate": 1.0,
    "flip": 0.5,
    "rotation": 10.0,
    "shift": 0.0,
    "scale": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
    "tint": 0.0,
    "occlusion": 0.0,
}
"""SGD with momentum and dampening, a tenth of the rate at epochs 40, 55, 65 and 70; everything is trained."""
REFERENCE_STEPS = (40, 55, 65, 70)
NOT_PART_OF_A_RUN = (
    *("result_path", "resume_path", "cache_path", "dry_run", "no_train"),
    *("devices", "threads", "workers"),
)
"""May differ between a run and the run that goes on with it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Every option of a run; nothing is set that was not given."""
    add_options(parser, Options)


def options_from(given: dict[str, Any]) -> Options:
    """Defaults, then the recipe's, then those of --config or --resume_path, then what was given.

    Raises:
        EmoliveError: a file cannot be read, or a value is out of range.
    """
    given = {key: value for key, value in given.items() if key in {"config", *_names()}}
    stored: dict[str, Any] = {}
    if path := given.pop("config", ""):
        stored = read_config(Path(path))
    if resume := given.get("resume_path", ""):
        folder = Path(resume) if Path(resume).is_dir() else Path(resume).parent
        stored = read_config(folder / CONFIG)
        stored["result_path"] = str(folder)
        check_same_run(folder, stored, given, NOT_PART_OF_A_RUN)
    recipe = given.get("recipe", stored.get("recipe", "default"))
    values = {**(REFERENCE_RECIPE if recipe == "reference" else {}), **stored, **given}
    if "backbone" not in {*stored, *given} and not _learned(values.get("encoder", "")):
        # The recipe trains everything, and here there is no trunk.
        values.pop("backbone", None)
    return checked(Options(**values))


def _names() -> set[str]:
    return {f.name for f in fields(Options)}


def read_config(path: Path) -> dict[str, Any]:
    """The options that a run wrote beside its result. EmoliveError if they cannot be read."""
    try:
        stored = json.loads(path.read_text())
        values = dict(stored["options"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmoliveError(f"{path} is not the config.json of a run.") from error
    if odd := sorted(set(values) - _names()):
        raise EmoliveError(f"{path} has an option that this version does not know: {odd[0]}.")
    return values


def write_config(path: Path, options: Options) -> None:
    """Written so that `--config PATH` starts the same run again."""
    with atomic_write(path) as part:
        part.write_text(json.dumps({"options": asdict(options)}, indent=1) + "\n")


def checked(options: Options) -> Options:
    """The options themselves. EmoliveError for one that is out of range."""
    check_values(options)
    if options.shifts % 2 == 0:
        raise EmoliveError(
            f"--shifts must be odd, so that the centre is one of them, and is {options.shifts}."
        )
    if options.p_video + options.p_audio > 1:
        raise EmoliveError("--p_video and --p_audio must not add up to more than 1.")
    if options.batch_size % options.devices:
        raise EmoliveError(f"--batch_size {options.batch_size} must divide by --devices {options.devices}.")
    if options.backbone == "finetune":
        if len(actors(options.encoder)) != 1 or not _learned(options.encoder):
            raise EmoliveError(
                f"--trunk finetune trains a learned frame encoder alone, and this is {options.encoder}."
            )
        if options.mixup and options.devices * options.num_nodes > 1:
            raise EmoliveError("--mixup with --trunk finetune goes with one process alone.")
    shares(options)
    return options


def _learned(encoder: str) -> bool:
    """Whether one of the frame encoders of `--encoder` is trained with the model."""
    encoders = tuple(actors(encoder))
    return bool(encoders) and ModelSpec(encoders=encoders).learned_encoder is not None


def shares(options: Options) -> list[float]:
    """How often each baseline mode is drawn; sums to 1."""
    try:
        found = [float(part) for part in options.baseline_shares.split(",")]
    except ValueError:
        found = []
    if len(found) != len(MODES) or min(found) < 0 or not sum(found) > 0:
        raise EmoliveError(
            f"--baseline_shares wants three numbers as 0.3,0.3,0.4, not {options.baseline_shares}."
        )
    return [part / sum(found) for part in found]


def actors(text: str) -> list[str]:
    """ "1, 5,9" → its ids."""
    return [part.strip() for part in text.split(",") if part.strip()]


def strengths(options: Options) -> AugmentConfig:
    return AugmentConfig(**{f.name: getattr(options, f.name) for f in fields(AugmentConfig)})


def pixel_strengths(options: Options) -> PixelStrengths:
    return PixelStrengths(**{f.name: getattr(options, f.name) for f in fields(PixelStrengths)})


def spec_of(options: Options, labels: tuple[str, ...]) -> ModelSpec:
    """The model that the options describe. EmoliveError if the classes do not fit."""
    if options.n_classes and options.n_classes != len(labels):
        raise EmoliveError(
            f"--n_classes is {options.n_classes}, and the annotations have {len(labels)} labels."
        )
    encoders = tuple(actors(options.encoder))
    classes = ModelSpec(encoders=encoders).encoder_classes
    published = all(encoder.learned for encoder in classes) and options.audio == "mfcc"
    landmarkers = {encoder.landmarker for encoder in classes} - {"none"}
    return ModelSpec(
        fusion=options.fusion,
        encoders=encoders,
        landmarker=next(iter(landmarkers), "none"),
        num_heads=options.num_heads,
        labels=labels,
        n_bins=options.sample_duration,
        pooling="middle" if any(encoder.pooling == "middle" for encoder in classes) else "mean",
        pixels=PixelSpec(size=options.sample_size),
        audio=OUR_AUDIO if options.audio == "logmel" else AudioSpec(),
        baselines=() if published else MODES,
        dropout=options.dropout,
        width=options.width,
        arch=options.arch,
    )
