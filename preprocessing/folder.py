"""Anybody's clips: labels from the folders they lie in, or from a CSV."""

from __future__ import annotations

import csv
import re
from pathlib import Path, PurePosixPath

from emolive.errors import EmoliveError
from preprocessing.records import Fault, Scan, SourceClip
from preprocessing.scan import is_video, media_under


def scan_folder(root: Path, *, labels: Path | None = None, skip: Path | None = None) -> Scan:
    """Find clips and what they are called.

    Without a CSV a clip's label is the folder it lies in, and its actor the folder round that:
    `LABEL/clip.mp4` or `ACTOR/LABEL/clip.mp4`. A sound file of the same name in the same folder
    belongs to the clip.

    Args:
        root: holds the clips.
        labels: a CSV with the columns file (relative to `root`), label and, if known, actor.
        skip: a folder to pass over.

    Raises:
        EmoliveError: there is no folder, no clip in it, or the CSV cannot be used.
    """
    media = list(media_under(root, skip))
    names = [path.relative_to(root).as_posix() for path in media]
    stems = {name: str(PurePosixPath(name).with_suffix("")) for name in names}
    videos: dict[str, str] = {}
    sounds: dict[str, str] = {}
    faults: list[Fault] = []
    for path, name in zip(media, names, strict=True):
        kind = videos if is_video(path) else sounds
        if stems[name] in kind:
            first = kind[stems[name]]
            faults.append(Fault("duplicated", name, f"Has the same name as {first}, which is used."))
        else:
            kind[stems[name]] = name
    told = _read_labels(labels) if labels else None
    clips: list[SourceClip] = []
    taken: set[str] = set()
    unlabelled = 0
    for stem in sorted(videos.keys() | sounds.keys()):
        video, audio = videos.get(stem, ""), sounds.get(stem, "")
        if told is None:
            label, actor = _from_folders(stem)
        else:
            found = told.pop(video, None) or told.pop(audio, None)
            unlabelled += found is None
            if found is None:
                continue
            label, actor = found
        if not label:
            faults.append(Fault("misnamed", video or audio, "Lies in no folder that could be its label."))
            continue
        clips.append(SourceClip(_id(stem, taken), label, actor, video, audio))
    for name in told or ():
        faults.append(Fault("missing", name, "Is in the CSV, and there is no such clip."))
    if not clips:
        raise EmoliveError(
            f"{root} holds no clip with a label: put clips into folders named after their labels, "
            f"or name a CSV with --labels."
        )
    return Scan("folder", tuple(clips), tuple(faults), {"not in the CSV": unlabelled} if unlabelled else {})


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


def _read_labels(path: Path) -> dict[str, tuple[str, str]]:
    """Label and actor ("" if unknown) by file."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"file", "label"} <= set(reader.fieldnames or ()):
                raise EmoliveError(f"{path} must begin with the columns file,label or file,label,actor.")
            found: dict[str, tuple[str, str]] = {}
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
                found[name] = label, (row.get("actor") or "").strip()
            return found
    except FileNotFoundError:
        raise EmoliveError(f"There is no file {path}: check the path.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EmoliveError(f"{path} cannot be read as CSV: {error}.") from error
