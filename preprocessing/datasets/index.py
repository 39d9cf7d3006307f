"""Runs a data set and validates its clips."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

from emolive.errors import ConfigError
from emolive.registry import plugin_errors
from preprocessing.annotations import ClipEntry, split_key, split_name
from preprocessing.archives import file_state, is_archive
from preprocessing.datasets.base import Dataset, DatasetItem, Skipped
from preprocessing.records import DatasetIndex, Issue

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_ID = re.compile(r"\w[\w.-]*")


def index_dataset(name: str, dataset: Dataset, root: Path) -> DatasetIndex:
    """All clips of a data set, and its issues.

    Args:
        name: under which it is registered.
        dataset: the data set.
        root: where its clips are.

    Raises:
        ConfigError: there is nothing at `root`, there is no clip, or the data set's code fails.
    """
    if not root.exists():
        raise ConfigError(f"There is nothing at {root}: check the path.")
    base = base_folder(root)
    clips: dict[str, ClipEntry] = {}
    issues: list[Issue] = []
    skipped: Counter[str] = Counter()
    items: list[DatasetItem] = []
    try:
        with plugin_errors(f"data set {name}"):
            for found in dataset.items(root):
                items.append(found)
    except ConfigError as error:
        raise ConfigError(f"{error}{_passed_over(items)}") from error
    for item in items:
        if isinstance(item, Skipped):
            skipped[item.what] += 1
        elif isinstance(item, Issue):
            issues.append(item)
        elif not isinstance(item, ClipEntry):
            raise ConfigError(f"The data set {name} yields {item!r}, not a ClipEntry, Issue or Skipped.")
        elif issue := _issue_of(name, item, base, clips):
            issues.append(issue)
        else:
            clips[item.id] = replace(item, split=split_name(item.split))
    if not clips:
        reason = f" {issues[0].clip}: {issues[0].text}" if issues else ""
        raise ConfigError(f"The data set {name} has no clips in {root}.{reason}")
    return DatasetIndex(name, tuple(clips.values()), tuple(issues), dict(sorted(skipped.items())))


def base_folder(root: Path) -> Path:
    """What the paths of a data set are relative to: its folder, or the archive that takes its place."""
    return root if root.is_dir() or is_archive(root) else root.parent


def _passed_over(items: list[DatasetItem]) -> str:
    """A sentence on the files of a folder in which there is no clip; "" if there is nothing to say."""
    counts = Counter(item.what for item in items if isinstance(item, Skipped))
    archives = [item for item in items if isinstance(item, Issue) and item.kind in ("packed", "corrupt")]
    parts = [f"{what} {n}" for what, n in sorted(counts.items())]
    text = f" Passed over: {', '.join(parts)}." if parts else ""
    if any(counts[f"{suffix} files"] for suffix in _PICTURES):
        text += " Pictures of single faces train a face encoder: emolive-train backbone."
    if archives:
        text += f" {len(archives)} files are packed, such as {archives[0].clip}: {archives[0].text}"
    return text


def _issue_of(name: str, clip: ClipEntry, base: Path, clips: dict[str, ClipEntry]) -> Issue | None:
    """Why a clip cannot be used; None if it can."""
    if not _ID.fullmatch(clip.id):
        raise ConfigError(
            f"The data set {name} yields the id {clip.id!r}: an id may only contain letters, digits, -, _ "
            f"and dots, since files are named after it."
        )
    if clip.id in clips:
        return Issue("duplicated", clip.id, "Another clip has the same id, and is used.")
    if not clip.label:
        return Issue("misnamed", clip.id, "It has no label.")
    if not (clip.video or clip.audio):
        return Issue("missing", clip.id, "It has neither video nor audio.")
    for entry in (clip.video, clip.audio):
        if entry and file_state(base / split_key(entry)[0]) is None:
            return Issue("missing", clip.id, f"The file {entry} does not exist.")
    return None
