"""Any clips: labels from the folders they are in, or from a CSV file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, NamedTuple

from emolive.cli.config import Arg
from emolive.errors import ConfigError
from preprocessing.annotations import ClipEntry, split_name
from preprocessing.archives import without_suffixes
from preprocessing.csv_table import read_rows
from preprocessing.datasets.base import DatasetItem, Skipped
from preprocessing.datasets.recognition import KNOWN, folders_are_labels, recognise
from preprocessing.media_scan import MediaFile, scan_media, second_copy
from preprocessing.records import Issue

SPLIT_FOLDERS = {
    **dict.fromkeys(("train", "training", "train_set"), "training"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "val_set"), "validation"),
    **dict.fromkeys(("test", "testing", "test_set"), "testing"),
}


class Label(NamedTuple):
    """What is known about a clip; "" for what is not."""

    label: str
    actor: str
    split: str
    corpus: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """What the folders around a clip say."""

    label: str
    actor: str
    split: str

    @classmethod
    def of(cls, stem: str) -> _Place:
        """A folder named train, val or test is a split; the others are the label and the actor around it."""
        folders = [*PurePosixPath(stem).parts[:-1]]
        split = next((name for name in folders if name.lower() in SPLIT_FOLDERS), "")
        if split:
            folders.remove(split)
        label = folders[-1] if folders else ""
        return cls(label, folders[-2] if len(folders) > 1 else "", SPLIT_FOLDERS.get(split.lower(), ""))


@dataclass(frozen=True)
class Folder:
    """Any clips, as LABEL/clip.mp4 or ACTOR/LABEL/clip.mp4, or with a CSV file of labels.

    Without a CSV file, a clip's label is the name of its folder, and its actor that of the folder around it.
    Folders named train, val and test are splits: train/LABEL/clip.mp4. An audio file of the same name in the
    same folder belongs to the clip. A zip or tar file counts as a folder of its name.
    """

    labels: Annotated[Path | None, Arg(metavar="CSV")] = None
    """CSV file with the columns file (relative to ROOT) and label, and perhaps actor (or speaker), split and
    corpus."""

    def items(self, root: Path) -> Iterator[DatasetItem]:
        """The clips, by path. ConfigError if there is no folder, no clip, or the CSV file cannot be used."""
        table = _read_labels(self.labels) if self.labels else None
        videos: dict[str, str] = {}
        audio_files: dict[str, str] = {}
        for found in scan_media(root):
            if isinstance(found, MediaFile):
                yield from _add(videos if found.is_video else audio_files, found, table or {})
            elif found != Skipped(".csv files") or table is None:
                yield found
        places = {stem: _Place.of(stem) for stem in sorted(videos.keys() | audio_files.keys())}
        actors = {} if table is not None else _actors_in_names(root, places)
        ids: set[str] = set()
        for stem, place in places.items():
            video, audio = videos.get(stem, ""), audio_files.get(stem, "")
            row = Label(place.label, place.actor or actors.get(stem, ""), place.split)
            if table is not None:
                named = table.pop(without_suffixes(video), None) or table.pop(without_suffixes(audio), None)
                if named is None:
                    yield Skipped("not in the CSV")
                    continue
                row = named
            if row.label:
                yield ClipEntry(_unique_id(stem, ids), video, audio or video, *row)
            else:
                yield Issue("misnamed", video or audio, "It is not in a folder that could be its label.")
        yield from _not_found(table or (), root)
        if not ids:
            raise ConfigError(
                f"{root} has no clip with a label: put clips into folders named after their labels, or give "
                f"a CSV file with --labels."
            )


def _add(files: dict[str, str], found: MediaFile, table: Mapping[str, object]) -> Iterator[DatasetItem]:
    """Add a file by its path without the suffix; of two, the one that the CSV file names, or the first."""
    stem = str(found.place.with_suffix(""))
    first = files.get(stem)
    if first is None or (str(found.place) in table and without_suffixes(first) not in table):
        files[stem] = found.name
    else:
        yield second_copy(found, first)


def _not_found(names: Iterable[str], root: Path) -> Iterator[DatasetItem]:
    """An issue for each file that the CSV file names and that is not among the clips."""
    for name in names:
        if (root / name).exists():
            yield Issue("corrupt", name, "It is in the CSV file, but is no video or sound file.")
        else:
            yield Issue("missing", name, "It is in the CSV file, but there is no such clip.")


def _actors_in_names(root: Path, places: Mapping[str, _Place]) -> dict[str, str]:
    """The actors of the clips of a known data set that somebody sorted into folders of labels.

    Raises:
        ConfigError: the clips are of a known data set, and their folders are not labels.
    """
    around = PurePosixPath(without_suffixes(f"{root.resolve().name}/x")).parent
    path_of = {around / f"{stem}.x": stem for stem in places}
    if (known := recognise([*path_of])) is None:
        return {}
    command, clips = known
    if not folders_are_labels({path: places[stem].label for path, stem in path_of.items()}, clips):
        raise ConfigError(
            f"The clips in {root} are named like those of {KNOWN[command].title} "
            f"({KNOWN[command].example}), and their folders are not labels: use emolive-preprocess {command}."
        )
    return {path_of[path]: clip.actor for path, clip in clips.items()}


def _unique_id(stem: str, ids: set[str]) -> str:
    """An id that is valid as a file name and differs from `ids` even where case does not count; adds it."""
    plain = re.sub(r"[^\w.-]+", "_", stem.replace("/", "__")).lstrip(".") or "clip"
    name, n = plain, 1
    while name.casefold() in ids:
        n += 1
        name = f"{plain}-{n}"
    ids.add(name.casefold())
    return name


def _read_labels(path: Path) -> dict[str, Label]:
    """What a CSV file says about each file."""
    labels: dict[str, Label] = {}
    for line, row in read_rows(path, ("file", "label"), "The labels", "file,label or file,label,actor,split"):
        where = f"{path.name}, row {line}"
        name = row["file"].replace("\\", "/").removeprefix("./")
        if not name or not row["label"]:
            raise ConfigError(f"{where} has no {'label' if name else 'file'}.")
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ConfigError(f"{where} is outside the folder of the clips ({name}).")
        name = without_suffixes(name)
        if name in labels:
            raise ConfigError(f"{where} has {name} a second time.")
        try:
            split = split_name(row.get("split", ""))
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from error
        actor = row.get("actor") or row.get("speaker", "")
        labels[name] = Label(row["label"], actor, split, row.get("corpus", ""))
    return labels
