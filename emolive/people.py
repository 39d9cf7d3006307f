"""The people whose neutral baseline is saved on this computer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from emolive.errors import OutputError
from emolive.paths import user_dir


@dataclass(frozen=True, slots=True)
class SavedPerson:
    """A person's file."""

    name: str
    path: Path
    saved_at_s: float
    """When it was written, in seconds of the wall clock."""


def people_dir() -> Path:
    """The folder of the files; it may not exist."""
    return user_dir() / "people"


def saved_people() -> tuple[SavedPerson, ...]:
    """Everybody with a saved baseline, the latest first. A file that cannot be read has its file's name."""
    found = []
    for path in people_dir().glob("*.json"):
        try:
            saved_at_s = path.stat().st_mtime
        except OSError:
            continue
        found.append(SavedPerson(_name_in(path), path, saved_at_s))
    return tuple(sorted(found, key=lambda person: -person.saved_at_s))


def forget_person(name: str) -> None:
    """Delete the saved baseline of a person, if there is one.

    Raises:
        OutputError: a file cannot be deleted.
    """
    for person in saved_people():
        if person.name == name:
            try:
                person.path.unlink(missing_ok=True)
            except OSError as error:
                raise OutputError(f"{person.path} cannot be deleted: {error.strerror}.") from error


def _name_in(path: Path) -> str:
    try:
        stored = json.loads(path.read_text())
    except (OSError, ValueError):
        return path.stem
    name = stored.get("name") if isinstance(stored, dict) else None
    return name if isinstance(name, str) and name else path.stem
