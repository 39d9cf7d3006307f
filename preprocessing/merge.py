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
    """Clips that were left out, by label or corpus."""


def merge(
    sources: Sequence[str], out: Path, labels: Collection[str] = (), corpora: Collection[str] = ()
) -> Merged:
    """The clips of all files.

    Args:
        sources: annotation files; NAME=FILE for one whose ids and actors are unique within it alone: the name
            becomes their prefix, and the corpus of clips that have none.
        out: the file that will list them; paths are relative to it.
        labels: clips of other labels are left out; empty for none.
        corpora: likewise.

    Raises:
        ConfigError: a file cannot be used, two clips have one id, or no clip is left.
    """
    items: dict[str, ClipEntry] = {}
    left_out: Counter[str] = Counter()
    for source in sources:
        name, path = _split_name(source)
        table = read(path, allow_outside=True)
        for listed in relocate(table.items, table.root, out.parent):
            item = _named(listed, name, path.stem)
            if corpora and item.corpus not in corpora:
                left_out[item.corpus] += 1
            elif labels and item.label not in labels:
                left_out[item.label] += 1
            elif item.id in items:
                raise ConfigError(
                    f"{path.name} has a clip {item.id}, as another file has: give the file a name of its own "
                    f"(NAME={path})."
                )
            else:
                items[item.id] = item
    if not items:
        raise ConfigError(f"No clip has one of {', '.join((*labels, *corpora))}: all are left out.")
    return Merged(list(items.values()), dict(left_out.most_common()))


def _named(item: ClipEntry, name: str, default: str) -> ClipEntry:
    """A clip with its corpus, and with the name of its file before its id and actor."""
    item = replace(item, corpus=item.corpus or name or default)
    if not name:
        return item
    return replace(item, id=f"{name}-{item.id}", actor=f"{name}{item.actor}" if item.actor else "")


def _split_name(source: str) -> tuple[str, Path]:
    """NAME=FILE → NAME and FILE; FILE → "" and FILE."""
    name, equals, path = source.partition("=")
    return (name, Path(path)) if equals and _NAME.fullmatch(name) else ("", Path(source))
