"""Merges the annotations of several corpora: who is who, and which labels are used."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emolive.errors import ConfigError
from preprocessing.annotations import ClipEntry, read, relocate

_NAME = re.compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class Merged:
    """The clips of several annotation files."""

    items: list[ClipEntry]
    left_out: dict[str, int]
    """Clips that were left out, by label."""


def merge(sources: Sequence[str], out: Path, labels: Collection[str] = ()) -> Merged:
    """The clips of all files.

    Args:
        sources: annotation files; NAME=FILE for one whose ids and actors are unique within it alone: the name
            becomes their prefix, and the corpus of clips that have none.
        out: the file that will list them; paths are relative to it.
        labels: clips of other labels are left out; empty for none.

    Raises:
        ConfigError: a file cannot be used, two clips have one id, or no clip is left.
    """
    items: dict[str, ClipEntry] = {}
    left_out: Counter[str] = Counter()
    for source in sources:
        name, path = _split_name(source)
        table = read(path, allow_outside=True)
        for found in relocate(table.items, table.root, out.parent):
            if labels and found.label not in labels:
                left_out[found.label] += 1
                continue
            corpus, item = found.corpus or name or path.stem, found
            if name:
                actor = f"{name}{found.actor}" if found.actor else ""
                item = replace(found, id=f"{name}-{found.id}", actor=actor)
            if item.id in items:
                raise ConfigError(
                    f"{path.name} has a clip {item.id}, as another file has: give the file a name of its own "
                    f"(NAME={path})."
                )
            items[item.id] = replace(item, corpus=corpus)
    if not items:
        raise ConfigError(f"No clip has one of the labels {', '.join(labels)}.")
    return Merged(list(items.values()), dict(left_out.most_common()))


def _split_name(source: str) -> tuple[str, Path]:
    """NAME=FILE → NAME and FILE; FILE → "" and FILE."""
    name, equals, path = source.partition("=")
    return (name, Path(path)) if equals and _NAME.fullmatch(name) else ("", Path(source))
