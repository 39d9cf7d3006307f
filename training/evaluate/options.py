"""The options of `emolive-evaluate`. Importing them is fast, so that a wrong one is refused at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from emolive.atomic_io import ensure_writable
from emolive.cli.config import Arg, Range
from emolive.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """Which clips to evaluate on, and how."""

    annotations: Annotated[Path, Arg(metavar="FILE", aliases=("annotation-path",))]
    """Annotation file: annotations.csv, or the published annotations.txt."""
    split: str = ""
    """Split to evaluate: training, validation or testing (default: all clips)."""
    modality: Literal["av", "a", "v"] = "av"
    """Streams to use; the other one is left out."""
    baseline: Literal["none", "neutral", "running", "person"] = "running"
    """Normalization: neutral uses two neutral clips, running the clips before, person all clips."""
    neutral_label: str = ""
    """Label of the neutral clips (default: that of the checkpoint's training, else neutral in any case)."""
    json: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Write the results and the probabilities of each clip."""
    cache: Annotated[Path | None, Arg(metavar="FOLDER", aliases=("cache-path",))] = None
    """Folder for extracted windows (default: in the user's data folder)."""
    allow_outside: bool = False
    """Accept paths that leave the annotation file's folder."""
    skip_faults: bool = False
    """Leave out clips that cannot be read."""
    strict: bool = False
    """Refuse clips that the check of the data has something to say about."""
    workers: Annotated[int, Range(0, 1024)] = 0
    """Processes that extract windows; 0 uses this process."""

    @property
    def checkpoints_to_read(self) -> tuple[Path, ...]:
        """The checkpoints that the command opens."""
        return ()

    def __post_init__(self) -> None:
        check_files(self.checkpoints_to_read, self.annotations, self.json)


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(ClipOptions):
    """Evaluate a checkpoint on annotated clips."""

    checkpoint: Annotated[Path, Arg(metavar="FILE")]
    """Checkpoint to evaluate (.safetensors or .onnx)."""
    fusion: str | None = None
    """Refuse a checkpoint of another fusion."""
    plots: Annotated[Path | None, Arg(metavar="FOLDER", aliases=("pictures",))] = None
    """Draw the confusion matrix, the reliability diagram and the accuracy of each actor."""
    robustness: bool = False
    """Also evaluate with one stream missing or replaced by noise."""

    @property
    def checkpoints_to_read(self) -> tuple[Path, ...]:
        """The checkpoints that the command opens."""
        return (self.checkpoint,)


@dataclass(frozen=True, kw_only=True)
class CompareOptions(ClipOptions):
    """Evaluate checkpoints on the same clips, each against the first by McNemar's test."""

    checkpoints: Annotated[tuple[Path, ...], Arg(positional=True, metavar="FILE")]
    """Checkpoints to compare (.safetensors or .onnx)."""

    @property
    def checkpoints_to_read(self) -> tuple[Path, ...]:
        """The checkpoints that the command opens."""
        return self.checkpoints

    def __post_init__(self) -> None:
        if len(self.checkpoints) < 2:
            raise ConfigError("Name at least two checkpoints to compare.")
        super().__post_init__()


@dataclass(frozen=True, kw_only=True)
class FerplusOptions:
    """Evaluate a face encoder on FER+, by the majority of the raters' votes."""

    path: Annotated[Path, Arg(positional=True, metavar="FACES")]
    """Folder or zip file in FERPlus's layout."""
    checkpoint: Annotated[Path, Arg(metavar="FILE")]
    """A backbone file, or a checkpoint that was trained with one."""
    json: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Write the results and the probabilities of each face."""
    threads: Annotated[int, Range(1, 256)] = 1
    """Threads of torch on a CPU."""

    def __post_init__(self) -> None:
        check_files((self.checkpoint,), None, self.json)


@dataclass(frozen=True, kw_only=True)
class StrangersOptions:
    """Evaluate a checkpoint on clips of people whom no model has met."""

    folder: Annotated[Path, Arg(metavar="FOLDER", positional=True)]
    """Folder with the clips and truth.json."""
    checkpoint: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Checkpoint to evaluate (default: the shipped one of --fusion)."""
    fusion: str | None = None
    """Fusion: lt, it or ia (default: that of the checkpoint, or ia)."""
    baseline: Literal["none", "running"] = "running"
    """Normalization mode."""
    disturbed: bool = False
    """Also read copies under other conditions: level, light, roll, noise, music."""
    json: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Write the results."""

    def __post_init__(self) -> None:
        check_files(() if self.checkpoint is None else (self.checkpoint,), None, self.json)


def check_files(checkpoints: tuple[Path, ...], annotations: Path | None, output: Path | None) -> None:
    """Check the files of a command before it begins to work.

    Args:
        checkpoints: that it reads.
        annotations: file that it reads.
        output: file that it writes at the end.

    Raises:
        ConfigError: one of them does not exist.
        OutputError: the output cannot be written.
    """
    for path in checkpoints:
        if not path.exists():
            raise ConfigError(f"There is no checkpoint {path}.")
    if annotations is not None and not annotations.is_file():
        raise ConfigError(f"There is no annotation file {annotations}.")
    if output is not None:
        ensure_writable(output)


StreamBaseline = Literal["none", "neutral", "running", "person"]


def stream_baselines(names: Sequence[str]) -> list[StreamBaseline]:
    """Baselines by name. ConfigError if there is none of a name."""
    known: tuple[StreamBaseline, ...] = get_args(StreamBaseline)
    for name in names:
        if name not in known:
            raise ConfigError(f"There is no baseline {name}: choose {', '.join(known)}.")
    return [baseline for baseline in known if baseline in names]


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    """Evaluate a checkpoint on streams: clips one after another, or a file with spans."""

    checkpoint: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Checkpoint to evaluate (default: the shipped one of --fusion)."""
    fusion: str | None = None
    """Fusion: lt, it or ia (default: that of the checkpoint, or ia)."""
    annotations: Annotated[Path | None, Arg(metavar="FILE", aliases=("annotation-path",))] = None
    """Annotation file of the clips that make streams."""
    truth: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Instead: JSON list of the spans of a media file (start, end, emotion)."""
    media: Annotated[Path | None, Arg(metavar="FILE")] = None
    """The media file (default: beside the list, with its name)."""
    split: str = ""
    """Split of the annotations: training, validation or testing (default: all clips)."""
    baseline: StreamBaseline = "running"
    """Normalization: neutral uses two neutral clips, person all clips, running what was seen so far."""
    orders: Annotated[int, Range(1, 100)] = 2
    """Random orders of each actor's clips."""
    json: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Write the results."""
    plot: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Draw the shares by the time since a change."""
    allow_outside: bool = False
    """Accept paths that leave the annotation file's folder."""

    def __post_init__(self) -> None:
        if (self.annotations is None) == (self.truth is None):
            raise ConfigError("Name the clips with --annotations FILE, or a media file's spans with --truth.")
        if self.truth and self.baseline in ("neutral", "person"):
            raise ConfigError(f"--baseline {self.baseline} needs clips of the person: use --annotations.")
        for output in (self.json, self.plot):
            if output is not None:
                ensure_writable(output)
        check_files(() if self.checkpoint is None else (self.checkpoint,), self.annotations, None)
