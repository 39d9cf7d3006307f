"""What is listed of an archive: the files that may be read, and what keeps others from being read."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import IO, Protocol

from emolive.printable import printable
from emolive.quantities import size_text

MAX_MEMBERS = 200_000
MAX_BYTES = 8 << 30
"""Size of a member."""
DAMAGED = "It is damaged, a part of a larger one, or no {kind}: copy it again."


class Member(Protocol):
    """A file in an archive."""

    @property
    def n_bytes(self) -> int:
        """Size of its content."""
        ...

    @property
    def check(self) -> int:
        """A number that changes with its content."""
        ...

    def open(self, path: Path, stack: ExitStack) -> IO[bytes]:
        """Its content in the archive at `path`; `stack` closes what is opened."""
        ...


@dataclass(frozen=True, slots=True)
class ArchiveFault:
    """What cannot be read of an archive."""

    name: str
    """A member, or an archive in it; "" for the file itself."""
    is_damage: bool
    """Whether the file is damaged, in contrast to readable by other programs."""
    text: str
    """One sentence."""


@dataclass(frozen=True, slots=True)
class ArchiveListing:
    """The content of an archive."""

    members: dict[str, Member] = field(default_factory=dict)
    """By name with "/"; those of an archive in it are below its name."""
    faults: list[ArchiveFault] = field(default_factory=list)

    def fault(self, name: str, text: str, is_damage: bool = False) -> None:
        """Add a fault."""
        self.faults.append(ArchiveFault(printable(name.rstrip("/")), is_damage, text))

    def is_full(self, folder: str = "") -> bool:
        """Whether no more members are listed, which is said."""
        if len(self.members) < MAX_MEMBERS:
            return False
        self.fault(folder, f"It has more than {MAX_MEMBERS:,} files: unpack it.")
        return True


def is_left_out(name: str) -> bool:
    """Whether an entry is hidden, or one that macOS adds beside each file."""
    return any(part == "__MACOSX" or (part.strip(".") and part.startswith(".")) for part in name.split("/"))


def name_fault(name: str) -> str:
    """Why a name is not used, in a sentence; "" for a relative path that stays below where it begins."""
    parts = name.split("/")
    if name.isprintable() and not PureWindowsPath(name).drive and not {"", ".", ".."} & set(parts):
        return ""
    return "Its name is no path within the archive: it is not read."


def size_fault(n_bytes: int) -> str:
    """Why a member of this size is not unpacked, in a sentence; "" if it may be."""
    if n_bytes > MAX_BYTES:
        return f"It would take {size_text(n_bytes)}, which is more than a clip may have."
    return ""
