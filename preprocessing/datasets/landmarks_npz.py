"""RAVDESS landmarks in one `.npz` file, paired with the audio of the same trials."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from emolive.cli.config import Arg
from emolive.errors import ConfigError
from emolive.models.spec import EMOTIONS
from preprocessing.annotations import ClipEntry
from preprocessing.array_archive import ArrayArchive
from preprocessing.datasets.base import DatasetItem, Skipped
from preprocessing.media_scan import MediaFile, scan_media
from preprocessing.records import Issue

_TRIAL = re.compile(r"0[123]-(01|02)-0[1-8]-0[12]-0[12]-0[12]-\d\d")


@dataclass(frozen=True)
class Landmarks:
    """RAVDESS landmarks in one .npz file, with the audio of the same trials.

    ROOT is the file. It holds KEY/xy (T, 68, 2) and KEY/frame (T,) for each trial, where KEY is a RAVDESS
    name. Since the landmarks are computed already, OUT is a .csv file.
    """

    audio_root: Annotated[Path | None, Arg(metavar="FOLDER", aliases=("sound-root",))] = None
    """Folder with the audio files, at any depth. Default: that of the .npz file."""
    exclude: Annotated[tuple[str, ...], Arg(metavar="TRIAL", aliases=("leave-out",))] = ()
    """Trials to exclude: the end of a name (01-01-02-01-18), or actor:NN."""

    def items(self, root: Path) -> Iterator[DatasetItem]:
        """The trials, by actor and name. ConfigError if there are no trials, or audio for none of them."""
        with ArrayArchive(root) as archive:
            names = frozenset(archive.names)
        keys = {name.rsplit("/", 1)[0] for name in names if "/" in name}
        trials = {key: key.rsplit("/", 1)[-1] for key in keys if _TRIAL.fullmatch(key.rsplit("/", 1)[-1])}
        if not trials:
            raise ConfigError(f"{root} has no trials with RAVDESS names (01-01-05-01-02-01-12/xy).")
        folder = self.audio_root or root.parent
        audio_files = _audio_by_trial(folder)
        if not any(trial[3:] in audio_files for trial in trials.values()):
            raise ConfigError(
                f"There is no audio in {folder} for the trials in {root}: give its folder with --audio-root."
            )
        for key, trial in sorted(trials.items(), key=lambda pair: (pair[1][-2:], pair[1])):
            actor, audio = trial[-2:], audio_files.get(trial[3:])
            if is_excluded(trial, self.exclude):
                yield Skipped("excluded trials")
            elif f"{key}/xy" not in names or f"{key}/frame" not in names:
                yield Issue("corrupt", trial, "It lacks xy or frame.")
            elif audio is None:
                yield Issue("missing", trial, f"There is no audio of it in {folder}.")
            else:
                label = EMOTIONS[int(trial.split("-")[2]) - 1]
                yield ClipEntry(trial, f"{root.name}#{key}", str(audio.resolve()), label, actor)


def is_excluded(trial: str, exclude: Sequence[str]) -> bool:
    """Whether a trial ends with one of the names in `exclude`, or is of an actor "actor:NN" in it."""
    return any(trial.endswith(end) or end == f"actor:{trial[-2:]}" for end in exclude)


def _audio_by_trial(root: Path) -> dict[str, Path]:
    """Audio files by the trial without its modality. Audio-only files (03-…) take precedence."""
    files: dict[str, Path] = {}
    for found in scan_media(root, packed=False):
        if not isinstance(found, MediaFile) or found.is_video:
            continue
        stem = found.place.stem
        if _TRIAL.fullmatch(stem) and (stem.startswith("03") or stem[3:] not in files):
            files[stem[3:]] = root / found.name
    return files
