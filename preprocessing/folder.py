"""Anybody's clips: labels from the folders they lie in, or from a CSV."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from emolive.errors import EmoliveError
from preprocessing.annotations import split_name
from preprocessing.datasets import ClipEntry, Found, Issue, Skipped, option, register
from preprocessing.scan import is_video, media_under


@register("folder")
@dataclass(frozen=True)
class Folder:
    """Any clips: LABEL/clip.mp4, ACTOR/LABEL/clip.mp4, or a CSV of labels.

    Without a CSV a clip's label is the folder it lies in, and its actor the folder round that. A sound
    file of the same name in the same folder belongs to the clip.
    """

    labels: Path | None = option(
        None, type=Path, metavar="CSV", help="columns file (under ROOT), label and, if known, actor and split"
    )

    def items(self, root: Path) -> Iterator[Found]:
        """EmoliveError if there is no folder, no clip in it, or the CSV cannot be used."""
        told = _read_labels(self.labels) if self.labels else None
        videos: dict[str, str] = {}
        sounds: dict[str, str] = {}
        for path in media_under(root):
            name = path.relative_to(root).as_posix()
            stem = str(PurePosixPath(name).with_suffix(""))
            kind = videos if is_video(path) else sounds
            if stem in kind:
                yield Issue("duplicated", name, f"Has the same name as {kind[stem]}, which is used.")
            else:
                kind[stem] = name
        taken: set[str] = set()
        for stem in sorted(videos.keys() | sounds.keys()):
            video, audio = videos.get(stem, ""), sounds.get(stem, "")
            if told is None:
                label, actor, split = *_from_folders(stem), ""
            elif found := told.pop(video, None) or told.pop(audio, None):
                label, actor, split = found
            else:
                yield Skipped("not in the CSV")
                continue
            if label:
                yield ClipEntry(_id(stem, taken), video, audio or video, label, actor, split)
            else:
                yield Issue("misnamed", video or audio, "Lies in no folder that could be its label.")
        for name in told or ():
            yield Issue("missing", name, "Is in the CSV, and there is no such clip.")
        if not taken:
            raise EmoliveError(
                f"{root} holds no clip with a label: put clips into folders named after their labels, "
                f"or name a CSV with --labels."
            )


def _from_folders(stem: str) -> tuple[str, str]:
    folders = PurePosixPath(stem).parts[:-1]
    return (folders[-1] if folders else ""), (folders[-2] if len(folders) > 1 else "")


def _id(stem: str, taken: set[str]) -> str:
    """A name that files and archives can bear, unlike all before it."""
    plain = re.sub(r"[^\w.-]+", "_", stem.replace("/", "__")).lstrip(".") or "clip"
    name, n = plain, 1
    while name.casefold() in taken:
        n += 1
        name = f"{plain}-{n}"
    taken.add(name.casefold())
    return name


def _read_labels(path: Path) -> dict[str, tuple[str, str, str]]:
    """Label, actor and split ("" if unknown) by file."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"file", "label"} <= set(reader.fieldnames or ()):
                raise EmoliveError(f"{path} must begin with the columns file,label or file,label,actor.")
            found: dict[str, tuple[str, str, str]] = {}
            for row in reader:
                name = (row["file"] or "").strip().replace("\\", "/").removeprefix("./")
                label = (row["label"] or "").strip()
                where = f"{path.name}, row {reader.line_num}"
                if not name or not label:
                    raise EmoliveError(f"{where} names no {'label' if name else 'file'}.")
                if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                    raise EmoliveError(f"{where} leaves the folder of the clips ({name}).")
                if name in found:
                    raise EmoliveError(f"{where} names {name} a second time.")
                found[name] = label, (row.get("actor") or "").strip(), split_name(row.get("split") or "")
            return found
    except FileNotFoundError:
        raise EmoliveError(f"There is no file {path}: check the path.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EmoliveError(f"{path} cannot be read as CSV: {error}.") from error
