"""`emolive-preprocess`: a command for each data set, and for annotations and checks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from emolive.cli.commands import Command, CommandGroup
from emolive.cli.config import Arg, Range
from emolive.errors import ConfigError
from emolive.plugins import DATASETS
from preprocessing.records import STEPS, AudioFormat, AudioSource, PreprocessConfig, Step
from preprocessing.splits import SCHEMES
from preprocessing.worker_pool import default_workers

TABLE_SUFFIXES = (".csv", ".txt")


@dataclass(frozen=True, kw_only=True)
class SplitOptions:
    splits: Annotated[str, Arg(metavar="SCHEME")] = "auto"
    """Split by actor: none, reference (the published split), rotation, 5fold, 6fold, loao, corpus (one corpus
    is tested) or any Nfold, with :2 for the second fold; custom for the lists of actors; auto keeps the split
    of the data set, or else uses reference if its actors are present."""
    test_actors: Annotated[tuple[str, ...], Arg(metavar="ACTOR")] = ()
    """Test actors of --splits custom."""
    validation_actors: Annotated[tuple[str, ...], Arg(metavar="ACTOR")] = ()
    """Validation actors of --splits custom."""

    def __post_init__(self) -> None:
        name = self.splits.partition(":")[0]
        count = name.removesuffix("fold")
        if name not in ("auto", "custom", "none", *SCHEMES) and not (count != name and count.isdecimal()):
            schemes = ", ".join(("auto", "custom", "none", *SCHEMES))
            raise ConfigError(f"--splits must be one of {schemes} or any Nfold, not {self.splits}.")


@dataclass(frozen=True, kw_only=True)
class PreprocessOptions(SplitOptions):
    """Extract face crops, landmarks and audio from the clips of a data set."""

    root: Annotated[Path, Arg(positional=True)]
    """Folder with the clips at any depth, in zip and tar files too; or such a file."""
    out: Annotated[Path, Arg(positional=True)]
    """Folder to write to; or a .csv (.txt) file that lists the clips in place."""
    steps: tuple[Step, ...] = STEPS
    """What to extract: faces (crops and landmarks), audio, or both."""
    size: Annotated[int, Range(16, 1024), Arg(metavar="PIXELS")] = 224
    """Side of a face crop."""
    audio_format: AudioFormat = "flac"
    """Format of the audio files."""
    audio_source: AudioSource = "track"
    """Preferred audio of a clip that has both its own track and an audio file next to it."""
    workers: Annotated[int, Range(0, 1024), Arg(metavar="N")] = default_workers()
    """Worker processes; 0 runs everything in one process."""
    dry_run: bool = False
    """Report the actions without writing anything."""
    strict: bool = False
    """Exit with code 1 if there are any issues."""

    @property
    def config(self) -> PreprocessConfig:
        """What to extract."""
        return PreprocessConfig(
            size=self.size, audio_format=self.audio_format, audio_source=self.audio_source
        )

    @property
    def lists_only(self) -> bool:
        """Whether `out` is an annotation file of the clips in place."""
        return self.out.suffix in TABLE_SUFFIXES


@dataclass(frozen=True, kw_only=True)
class AnnotationsOptions(SplitOptions):
    """Rewrite annotations: with other splits, elsewhere, or from and to the published annotations.txt."""

    source: Annotated[Path, Arg(positional=True, metavar="FROM")]
    """Folder of preprocessed clips, or a .csv or .txt file."""
    out: Annotated[Path | None, Arg(positional=True, metavar="TO")] = None
    """A .csv file, or .txt for the published form. Default: the annotation files of the folder FROM."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.out is not None and self.out.suffix not in TABLE_SUFFIXES:
            raise ConfigError(f"{self.out} must end in {' or '.join(TABLE_SUFFIXES)}.")
        if self.out is None and self.source.suffix in TABLE_SUFFIXES:
            raise ConfigError(f"TO is missing: name a second file for the annotations of {self.source}.")


@dataclass(frozen=True, kw_only=True)
class MergeOptions(SplitOptions):
    """Merge the annotations of several corpora into one file.

    Training does not hold the absence of a label against clips of a corpus that lacks it.
    """

    out: Annotated[Path, Arg(positional=True)]
    """The .csv file to write."""
    sources: Annotated[tuple[str, ...], Arg(positional=True, metavar="NAME=FILE")]
    """Annotation files. NAME= is put before their ids and actors, which other files may use too; files whose
    actors are the same people need the same NAME."""
    labels: Annotated[tuple[str, ...], Arg(metavar="LABEL")] = ()
    """Labels to use; clips of other labels are left out. Default: all."""
    corpora: Annotated[tuple[str, ...], Arg(metavar="CORPUS")] = ()
    """Corpora to use, as for labels."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.out.suffix != ".csv":
            raise ConfigError(f"{self.out} must end in .csv.")


@dataclass(frozen=True)
class CheckOptions:
    """Read all files of a folder of preprocessed clips, and report any issues."""

    out: Annotated[Path, Arg(positional=True)]
    """Folder of preprocessed clips."""
    strict: bool = False
    """Exit with code 1 if there are any issues."""


def check(options: CheckOptions) -> int:
    """Run the command `check`."""
    from preprocessing import commands

    return commands.check(options)


def rewrite_annotations(options: AnnotationsOptions) -> int:
    """Run the command `annotations`."""
    from preprocessing import commands

    return commands.rewrite_annotations(options)


def merge_annotations(options: MergeOptions) -> int:
    """Run the command `merge`."""
    from preprocessing import commands

    return commands.merge_annotations(options)


BUILTIN = (
    Command("annotations", "rewrite annotations with other splits or in another place", rewrite_annotations),
    Command("merge", "merge the annotations of several corpora", merge_annotations),
    Command("check", "read all written files and report issues", check),
)


def _dataset_command(name: str, title: str) -> Command:
    def preprocess(dataset: Any, options: PreprocessOptions) -> int:
        from preprocessing import commands

        return commands.preprocess(name, dataset, options)

    return Command(name, title, preprocess, options=lambda: (_dataset_class(name), PreprocessOptions))


def _dataset_class(name: str) -> type:
    dataset: type = DATASETS.get(name)
    if not callable(getattr(dataset, "items", None)):
        raise ConfigError(f"The data set {name} lacks the method items(root).")
    return dataset


def _commands() -> tuple[Command, ...]:
    """A command for each registered data set, those of plug-ins included, and the built-in ones."""
    for command in BUILTIN:
        if command.name in DATASETS:
            raise ConfigError(f"A data set cannot be named {command.name}: that is a command.")
    return (*(_dataset_command(name, title) for name, title in DATASETS.titles().items()), *BUILTIN)


PREPROCESS = CommandGroup(
    prog="emolive-preprocess",
    description="Prepares clips for training: face crops and audio of the same 3.6 seconds, landmarks and "
    "audio of full clips, and annotations with splits by actor.",
    commands=_commands,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `emolive-preprocess`.

    Returns:
        0; 1 for issues with --strict; 2 for bad input; 130 if it was stopped.
    """
    return PREPROCESS(argv)


if __name__ == "__main__":
    sys.exit(main())
