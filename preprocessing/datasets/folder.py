"""Any clips: labels from the folders they are in, or from a CSV file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

from emolive.cli.config import Arg
from emolive.errors import ConfigError
from preprocessing.annotations import ClipEntry, split_name
from preprocessing.datasets.base import DatasetItem, Skipped
from preprocessing.media_scan import is_video, iter_media_files
from preprocessing.records import Issue


@dataclass(frozen=True)
class Folder:
    """Any clips, as LABEL/clip.mp4 or ACTOR/LABEL/clip.mp4, or with a CSV file of labels.

    Without a CSV file, a clip's label is the name of its folder, and its actor that of the folder around it.
    An audio file of the same name in the same folder belongs to the clip.
    """

    labels: Annotated[Path | None, Arg(metavar="CSV")] = None
    """CSV file with the columns file (relative to ROOT) and label, and optionally actor and split."""

    def items(self, root: Path) -> Iterator[DatasetItem]:
        """The clips, by path. ConfigError if there is no folder, no clip, or the CSV file cannot be used."""
        table = _read_labels(self.labels) if self.labels else None
        videos: dict[str, str] = {}
        audio_files: dict[str, str] = {}
        for path in iter_media_files(root):
            name = path.relative_to(root).as_posix()
            stem = str(PurePosixPath(name).with_suffix(""))
            files = videos if is_video(path) else audio_files
            if stem in files:
                yield Issue("duplicated", name, f"It has the same name as {files[stem]}, which is used.")
            else:
                files[stem] = name
        ids: set[str] = set()
        for stem in sorted(videos.keys() | audio_files.keys()):
            video, audio = videos.get(stem, ""), audio_files.get(stem, "")
            if table is None:
                label, actor, split = *_from_folders(stem), ""
            elif row := table.pop(video, None) or table.pop(audio, None):
                label, actor, split = row
            else:
                yield Skipped("not in the CSV")
                continue
            if label:
                yield ClipEntry(_unique_id(stem, ids), video, audio or video, label, actor, split)
            else:
                yield Issue("misnamed", video or audio, "It is not in a folder that could be its label.")
        for name in table or ():
            yield Issue("missing", name, "It is in the CSV file, but there is no such clip.")
        if not ids:
            raise ConfigError(
                f"{root} has no clip with a label: put clips into folders named after their labels, or give "
                f"a CSV file with --labels."
            )


def _from_folders(stem: str) -> tuple[str, str]:
    """Label and actor of a clip."""
    folders = PurePosixPath(stem).parts[:-1]
    return (folders[-1] if folders else ""), (folders[-2] if len(folders) > 1 else "")


def _unique_id(stem: str, ids: set[str]) -> str:
    """An id that is valid as a file name and differs from `ids` even where case does not count; adds it."""
    plain = re.sub(r"[^\w.-]+", "_", stem.replace("/", "__")).lstrip(".") or "clip"
    name, n = plain, 1
    while name.casefold() in ids:
        n += 1
        name = f"{plain}-{n}"
    ids.add(name.casefold())
    return name


def _read_labels(path: Path) -> dict[str, tuple[str, str, str]]:
    """Label, actor and split ("" if unknown) by file."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"file", "label"} <= set(reader.fieldnames or ()):
                raise ConfigError(f"{path} must begin with the columns file,label or file,label,actor.")
            labels: dict[str, tuple[str, str, str]] = {}
            for row in reader:
                name = (row["file"] or "").strip().replace("\\", "/").removeprefix("./")
                label = (row["label"] or "").strip()
                where = f"{path.name}, row {reader.line_num}"
                if not name or not label:
                    raise ConfigError(f"{where} has no {'label' if name else 'file'}.")
                if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                    raise ConfigError(f"{where} is outside the folder of the clips ({name}).")
                if name in labels:
                    raise ConfigError(f"{where} has {name} a second time.")
                labels[name] = label, (row.get("actor") or "").strip(), split_name(row.get("split") or "")
            return labels
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}: check the path.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path} cannot be read as CSV: {error}.") from error
