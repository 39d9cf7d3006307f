"""Annotation files: `annotations.csv`, and `annotations.txt` of the published code.

A CSV file has the columns id, video, audio, label, actor, split and perhaps corpus. Paths are relative to the
file and written with "/". `video` is a media file, an `.npy` of face crops, a folder of crop images, or
`FILE.npz#KEY` for landmarks (KEY/xy (T, 68, 2), KEY/frame (T,), and KEY/rate if it is not 30000/1001);
`audio` is anything soundfile reads. One of the two may be empty.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from emolive.atomic_io import atomic_write
from emolive.errors import ConfigError
from emolive.models.spec import EMOTIONS
from preprocessing.csv_table import read_rows

SPLITS = ("training", "validation", "testing")
COLUMNS = ("id", "video", "audio", "label", "actor", "split", "corpus")
REQUIRED = COLUMNS[:-1]
_RAVDESS_ID = re.compile(r"(\d\d-){6}\d\d")
_SPLIT_NAMES = {
    **{name: name for name in SPLITS},
    "train": "training",
    "val": "validation",
    "valid": "validation",
    "test": "testing",
    "": "",
}


@dataclass(frozen=True, slots=True)
class ClipEntry:
    """One clip."""

    id: str
    """Unique within a file."""
    video: str = ""
    """A path, relative to the file or folder that lists the clip; "" for none."""
    audio: str = ""
    """Likewise; the video itself for the audio in it."""
    label: str = ""
    """Name of the class."""
    actor: str = ""
    """Id of the person; "" if unknown."""
    split: str = ""
    """training, validation, testing, or "" for no split."""
    corpus: str = ""
    """The data set that the clip is from, where an annotation file lists several; "" for the only one."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """The clips of one file."""

    items: tuple[ClipEntry, ...]
    root: Path
    """The folder that relative paths start from."""

    def locate(self, entry: str) -> tuple[Path, str]:
        """The path of a clip's `video` or `audio`, and the KEY behind "#" ("" without one)."""
        name, key = split_key(entry)
        return self.root / name, key

    @property
    def actors(self) -> tuple[str, ...]:
        """All actors: numbers in ascending order, then names."""
        return tuple(sorted({item.actor for item in self.items}, key=actor_order))

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes of these clips, sorted; those of RAVDESS in the order of its numbers."""
        labels = sorted({item.label for item in self.items})
        if self.is_ravdess and set(labels) <= set(EMOTIONS):
            labels.sort(key=EMOTIONS.index)
        return tuple(labels)

    @property
    def is_ravdess(self) -> bool:
        """Whether all clips have RAVDESS's file names, whose third number is one of its eight emotions."""
        return all(_RAVDESS_ID.match(item.id) for item in self.items)

    def of(self, split: str) -> Annotations:
        """The clips of one split.

        Raises:
            ConfigError: there are none.
        """
        name = split_name(split)
        items = tuple(item for item in self.items if item.split == name)
        if not items:
            raise ConfigError(f"The annotations have no clip in the split {name}: choose another.")
        return Annotations(items, self.root)


def actor_order(actor: str) -> tuple[int, int, str]:
    """Sort key: "2" before "10" before "anna"."""
    return (0, int(actor), actor) if actor.isdecimal() else (1, 0, actor)


def split_key(entry: str) -> tuple[str, str]:
    """`FILE.npz#KEY` → FILE.npz and KEY; anything else → itself and ""."""
    name, mark, key = entry.partition(".npz#")
    return (f"{name}.npz", key) if mark else (entry, "")


def split_name(name: str) -> str:
    """The full name of a split, also from train, val, valid or test.

    Raises:
        ConfigError: there is no such split.
    """
    try:
        return _SPLIT_NAMES[name.strip().lower()]
    except KeyError:
        raise ConfigError(f"There is no split named {name}: choose {', '.join(SPLITS)}.") from None


def read(path: Path, *, allow_outside: bool = False, check_files: bool = True) -> Annotations:
    """Read `annotations.csv`, or the published `annotations.txt` by its suffix.

    Args:
        path: the file.
        allow_outside: accept absolute paths, ".." and links that leave the file's folder.
        check_files: refuse files that do not exist; without it, reading such a clip fails.

    Raises:
        ConfigError: the file or a row of it cannot be used; names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"There is no annotation file {path}.")
    rows = list(_published_file(path) if path.suffix == ".txt" else _csv_rows(path))
    root = path.parent
    home = Path(os.path.realpath(root))
    for line, item in rows:
        for column, entry in (("video", item.video), ("audio", item.audio)):
            if entry:
                _check_path(entry, home, f"{path.name}, row {line}: {column}", allow_outside, check_files)
    first: dict[str, int] = {}
    for line, item in rows:
        if first.setdefault(item.id, line) != line:
            raise ConfigError(
                f"{path.name}, row {line}: it has the id {item.id} more than once, first in row "
                f"{first[item.id]}."
            )
    if not rows:
        raise ConfigError(f"{path} has no clips.")
    return Annotations(tuple(item for _, item in rows), root)


def _csv_rows(path: Path) -> Iterator[tuple[int, ClipEntry]]:
    for line, row in read_rows(path, REQUIRED, "The annotation file"):
        yield line, _item({name: row.get(name, "") for name in COLUMNS}, f"{path.name}, row {line}")


def _published_file(path: Path) -> Iterator[tuple[int, ClipEntry]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from _published_rows(file, path)
    except UnicodeDecodeError as error:
        raise ConfigError(f"The annotation file {path} cannot be read: it is not text in UTF-8.") from error
    except OSError as error:
        raise ConfigError(f"The annotation file {path} cannot be read: {error.strerror or error}.") from error


def _published_rows(lines: Iterable[str], path: Path) -> Iterator[tuple[int, ClipEntry]]:
    """Rows `video;audio;label 1..8;split`, as the published code writes them."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path.name}, row {number}"
        parts = [part.strip() for part in line.strip().split(";")]
        if len(parts) != 4:
            raise ConfigError(f"{where}: it must be video;audio;label;split, and has {len(parts)} parts.")
        video, audio, code, split = parts
        if not (code.isdecimal() and 1 <= int(code) <= len(EMOTIONS)):
            raise ConfigError(f"{where}: the label must be a number from 1 to 8, not {code}.")
        name, key = split_key(video or audio)
        source = PurePosixPath(key or name.replace("\\", "/"))
        values = {
            "id": re.sub(r"_(facecroppad|facecrop|croppad)$", "", source.stem),
            "video": video,
            "audio": audio,
            "label": EMOTIONS[int(code) - 1],
            "actor": _actor_of(source),
            "split": split,
        }
        yield number, _item(values, where)


def _actor_of(source: PurePosixPath) -> str:
    """The actor in a RAVDESS file name or folder name; "" if there is none."""
    if match := re.match(r"(?:\d\d-){6}(\d\d)", source.name):
        return match[1]
    match = re.fullmatch(r"actor[_ ]?(\d+)", source.parent.name, re.IGNORECASE)
    return match[1] if match else ""


def _item(values: dict[str, str], where: str) -> ClipEntry:
    item = ClipEntry(**{name: value.strip() for name, value in values.items()})
    if not item.id:
        raise ConfigError(f"{where}: it has no id.")
    if not item.label:
        raise ConfigError(f"{where} ({item.id}): it has no label.")
    if not (item.video or item.audio):
        raise ConfigError(f"{where} ({item.id}): it has neither video nor audio.")
    try:
        return replace(item, split=split_name(item.split))
    except ConfigError as error:
        raise ConfigError(f"{where} ({item.id}): {error}") from error


def _check_path(entry: str, home: Path, where: str, allow_outside: bool, check_files: bool) -> None:
    name, key = split_key(entry)
    if "\0" in name:
        raise ConfigError(f"{where} has a character that is not allowed in a path.")
    path = home / name
    if not allow_outside:
        pure = PurePosixPath(name.replace("\\", "/"))
        outside = pure.is_absolute() or Path(name).is_absolute() or ".." in pure.parts
        if outside or not Path(os.path.realpath(path)).is_relative_to(home):
            raise ConfigError(
                f"{where} is outside the folder of the annotation file ({entry}): move the clips there, "
                f"or allow it with --allow-outside."
            )
    if key == "" and entry.endswith("#"):
        raise ConfigError(f"{where} has no KEY after # ({entry}).")
    if check_files and not os.path.exists(path):  # noqa: PTH110 - Path.exists raises for a long name
        raise ConfigError(f"{where} does not exist: {entry}.")


def relocate(items: Iterable[ClipEntry], base: Path, folder: Path) -> list[ClipEntry]:
    """The clips with paths relative to `folder` instead of `base`."""

    def entry_of(entry: str) -> str:
        if not entry:
            return ""
        name, key = split_key(entry)
        path = base / name
        # Links to folders are resolved, since ".." follows the real path; a link to a clip keeps its name.
        relative = os.path.relpath(path.parent.resolve() / path.name, folder.resolve())
        return Path(relative).as_posix() + (f"#{key}" if key else "")

    return [replace(item, video=entry_of(item.video), audio=entry_of(item.audio)) for item in items]


def escapes_root(items: Iterable[ClipEntry]) -> bool:
    """Whether one of their paths leaves the folder that it is relative to."""
    return any(entry.startswith("../") for item in items for entry in (item.video, item.audio))


def write(path: Path, items: Iterable[ClipEntry]) -> None:
    """Write `annotations.csv`, or `annotations.txt` of the published code by its suffix, atomically.

    Raises:
        OutputError: it cannot be written.
        ConfigError: the published form cannot express a clip.
    """
    path = Path(path)
    entries = list(items)
    published = _published_lines(entries) if path.suffix == ".txt" else None
    with atomic_write(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        if published is not None:
            file.writelines(published)
        else:
            columns = COLUMNS if any(item.corpus for item in entries) else REQUIRED
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([getattr(item, column) for column in columns] for item in entries)


def _published_lines(items: list[ClipEntry]) -> list[str]:
    lines = []
    for item in items:
        if item.label not in EMOTIONS or not item.split:
            raise ConfigError(
                f"{item.id} cannot be written as annotations.txt, which needs a split and one of the eight "
                f"emotions: write a .csv file."
            )
        if any(mark in f"{item.video}{item.audio}" for mark in ";\n"):
            raise ConfigError(
                f"{item.id} cannot be written as annotations.txt: its paths contain a semicolon."
            )
        lines.append(f"{item.video};{item.audio};{EMOTIONS.index(item.label) + 1};{item.split}\n")
    return lines
