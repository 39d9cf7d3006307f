"""Which clips a run began with, so that one that is resumed on other clips is refused in a sentence."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from emolive.atomic_io import atomic_write
from emolive.errors import ConfigError
from preprocessing.annotations import Annotations
from preprocessing.splits import Fold, normalize_actor_id

DATA = "data.json"
_NAMED = 3
"""So many clips are named in a message."""

Fingerprint = dict[str, list[str | int]]
"""Clip → label, person, split, and the size of its files (the checksum of its landmarks in an archive)."""


def fingerprint(annotations: Annotations, fold: Fold | None) -> Fingerprint:
    """The clips as training sees them. Their folder may move.

    Args:
        annotations: the clips.
        fold: the split; None for that of the annotations.
    """
    archives: dict[Path, Mapping[str, int]] = {}

    def content(entry: str) -> int:
        path, key = annotations.locate(entry)
        if not entry:
            return 0
        if not key:
            return path.stat().st_size if path.is_file() else 0
        if path not in archives:
            archives[path] = _checksums(path)
        return archives[path].get(f"{key}/xy.npy", 0)

    return {
        item.id: [
            item.label,
            normalize_actor_id(item.actor),
            fold.split_of(item.actor) if fold else item.split or "training",
            content(item.video),
            content(item.audio),
            *([item.corpus] if item.corpus else []),
        ]
        for item in annotations.items
    }


def write(folder: Path, data: Fingerprint) -> None:
    """Record the clips of a run in its folder.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_write(folder / DATA) as part:
        part.write_text(json.dumps(data))


def check_unchanged(folder: Path, data: Fingerprint) -> None:
    """Compare the clips with those that the run in a folder began with, if it recorded them.

    Raises:
        ConfigError: they differ, and how.
    """
    try:
        before = json.loads((folder / DATA).read_text())
    except (OSError, ValueError):
        return
    if not isinstance(before, dict) or before == data:
        return
    differences = [
        _difference("added", [clip for clip in data if clip not in before]),
        _difference("removed", [clip for clip in before if clip not in data]),
        _difference("changed", [clip for clip in data if clip in before and before[clip] != data[clip]]),
    ]
    raise ConfigError(
        f"The clips are not those with which the run in {folder} began "
        f"({'; '.join(filter(None, differences))}): restore them, or start a new run with another "
        f"--result_path."
    )


def _difference(what: str, clips: list[str]) -> str:
    if not clips:
        return ""
    more = ", …" if len(clips) > _NAMED else ""
    return f"{len(clips)} {what}: {', '.join(clips[:_NAMED])}{more}"


def _checksums(path: Path) -> Mapping[str, int]:
    """The checksums in the directory of an archive; none if it cannot be read, which others report."""
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        return {info.filename: info.CRC for info in archive.infolist()}
    return {}
