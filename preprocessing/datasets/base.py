"""The protocol of a data set, and the types it yields."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from preprocessing.annotations import ClipEntry
from preprocessing.records import Issue


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is left out on purpose. Reports count them."""

    what: str
    """In the plural, e.g. "silent twins"."""


DatasetItem = ClipEntry | Issue | Skipped


class Dataset(Protocol):
    """A registered data set. It is constructed without arguments, or with the options that its fields are."""

    def items(self, root: Path) -> Iterable[DatasetItem]:
        """The clips under `root`, in a reproducible order.

        Args:
            root: the folder or file given by the user.

        Returns:
            A `ClipEntry` for each clip, an `Issue` for each problem, and a `Skipped` for each file that is
            left out on purpose. Paths are absolute or relative to `root` (to its folder, if it is a file).
            `audio` is an audio file, the video itself for the audio in it, or "" for none.

        Raises:
            EmoliveError: there are no clips, or an option cannot be used.
        """
        ...
