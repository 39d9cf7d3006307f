"""Arrays on disk that grow clip by clip, so that a killed extraction can continue.

One folder holds the arrays of one set of clips: a `.npy` file for each array and `index.json`. The index is
written atomically and says which clips are stored; rows in the files behind it are overwritten when the work
continues. Interruptions therefore do not change the finished files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from emolive.atomic_io import atomic_write, remove_stale_parts
from emolive.errors import MediaError, OutputError
from training.growing_array import GrowingArray

INDEX = "index.json"
FORMAT = 2
COMMIT_S = 2.0
"""Clips stored since the last commit, at most this long ago, are lost if the process is killed."""

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Shapes and types of the stored arrays of each clip."""

    arrays: Mapping[str, tuple[Shape, np.dtype[Any]]]
    """Name → shape and type of a clip's array."""
    ragged: Mapping[str, tuple[Shape, np.dtype[Any]]]
    """Name → shape and type of one row; a clip has any number of rows."""


@dataclass(frozen=True, slots=True)
class StoredClips:
    """The finished cache; the arrays are memory maps."""

    ids: tuple[str, ...]
    """The N clips that are stored; a clip in several parts is there once for each."""
    failed: tuple[str, ...]
    """One sentence for each clip that is not."""
    arrays: dict[str, NDArray[Any]]
    """(N, ...)"""
    ragged: dict[str, NDArray[Any]]
    """(rows, ...); changes stay in memory."""
    offsets: dict[str, NDArray[np.int64]]
    """(N + 1,) for each ragged array: clip i has its rows `[offsets[i]:offsets[i + 1]]`."""


Entry = dict[str, Any]
"""A clip in the index: its id and its number of rows in each ragged array, or why it failed. Each further
part of the clip has an entry with its number."""


class WindowCache:
    """The cached arrays of one set of clips.

    Args:
        folder: used for nothing else.
        layout: the stored arrays of each clip.
    """

    def __init__(self, folder: Path, layout: Layout) -> None:
        self._folder, self._layout = folder, layout
        self._rows = {**layout.arrays, **layout.ragged}
        self._files: dict[str, GrowingArray] = {}
        self._entries: list[Entry] = []
        self._committed_s = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether all clips are stored or have failed."""
        try:
            return self._read_index()[1]
        except (OSError, ValueError, KeyError, TypeError):
            # An index that cannot be read is repaired by `writing`, which starts over.
            return False

    @property
    def n_done(self) -> int:
        """Clips that are stored or have failed; they are processed in their order."""
        return sum("part" not in entry for entry in self._entries)

    @contextmanager
    def writing(self) -> Iterator[bool]:
        """Open for writing and continue an interrupted extraction; waits for another process that writes.

        Yields:
            Whether there is work left.

        Raises:
            OutputError: the folder cannot be written.
        """
        with self._output_errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._folder / "lock")
            lock.acquire()
        try:
            if self.is_complete:
                yield False
                return
            with self._output_errors():
                remove_stale_parts(self._folder)
                self._resume()
            yield True
        finally:
            for file in self._files.values():
                file.close()
            self._files = {}
            lock.release()

    def append(
        self, clip: str, arrays: Mapping[str, NDArray[Any]], ragged: Mapping[str, NDArray[Any]]
    ) -> None:
        """Store a clip.

        Raises:
            OutputError: the disk is full.
        """
        self.append_parts(clip, [(arrays, ragged)])

    def append_parts(
        self,
        clip: str,
        parts: Sequence[tuple[Mapping[str, NDArray[Any]], Mapping[str, NDArray[Any]]]],
    ) -> None:
        """Store a clip in several parts.

        Args:
            clip: its id.
            parts: the arrays and the ragged arrays of each part.

        Raises:
            OutputError: the disk is full.
        """
        entries: list[Entry] = []
        with self._output_errors():
            for number, (arrays, ragged) in enumerate(parts):
                for name, values in arrays.items():
                    self._files[name].append(values[None])
                for name, rows in ragged.items():
                    self._files[name].append(rows)
                entry: Entry = {"id": clip, "rows": {name: len(rows) for name, rows in ragged.items()}}
                entries.append({**entry, "part": number} if number else entry)
        self._add(*entries)

    def skip(self, reason: str) -> None:
        """Record that the next clip cannot be used."""
        self._add({"failed": reason})

    def commit(self) -> None:
        """Make everything stored so far permanent.

        Raises:
            OutputError: the disk is full.
        """
        self._commit(complete=False)

    def finish(self) -> None:
        """Mark the cache as complete."""
        with self._output_errors():
            for file in self._files.values():
                file.trim()
        self._commit(complete=True)

    def load(self) -> StoredClips:
        """Map the stored arrays.

        Raises:
            MediaError: the cache is damaged.
        """
        try:
            entries, _ = self._read_index()
            stored = [entry for entry in entries if "id" in entry]
            offsets = {name: _offsets(stored, name) for name in self._layout.ragged}
            arrays = {name: self._map(name, len(stored), "r") for name in self._layout.arrays}
            ragged = {name: self._map(name, int(offsets[name][-1]), "c") for name in self._layout.ragged}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MediaError(
                f"The window cache {self._folder} is damaged: delete the folder, and it is built again."
            ) from error
        failed = tuple(entry["failed"] for entry in entries if "id" not in entry)
        return StoredClips(tuple(entry["id"] for entry in stored), failed, arrays, ragged, offsets)

    def _map(self, name: str, n: int, mode: Any) -> NDArray[Any]:
        shape, dtype = self._rows[name]
        mapped = open_memmap(self._path(name), mode=mode)
        if mapped.shape != (n, *shape) or mapped.dtype != dtype:
            raise ValueError(f"{name} has shape {mapped.shape}")
        return mapped

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.npy"

    def _resume(self) -> None:
        try:
            self._entries, _ = self._read_index()
            self._open_files()
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
                raise
            # Without a usable index it is unknown which rows are valid.
            self._entries = []
            self._open_files()
        self._committed_s = monotonic()

    def _open_files(self) -> None:
        stored = [entry for entry in self._entries if "id" in entry]
        used = dict.fromkeys(self._layout.arrays, len(stored))
        used |= {name: int(_offsets(stored, name)[-1]) for name in self._layout.ragged}
        for name, (shape, dtype) in self._rows.items():
            self._files[name] = GrowingArray(self._path(name), shape, dtype, used[name])

    def _read_index(self) -> tuple[list[Entry], bool]:
        index = json.loads((self._folder / INDEX).read_text())
        if index["format"] != FORMAT:
            raise ValueError("index of another format")
        return [dict(entry) for entry in index["clips"]], bool(index["complete"])

    def _commit(self, *, complete: bool) -> None:
        with self._output_errors():
            for file in self._files.values():
                file.flush()
        with atomic_write(self._folder / INDEX) as part:
            part.write_text(json.dumps({"format": FORMAT, "complete": complete, "clips": self._entries}))
        self._committed_s = monotonic()

    def _add(self, *entries: Entry) -> None:
        # A single step: an interrupt at any moment finds the clip in the index or not.
        self._entries.extend(entries)
        if monotonic() - self._committed_s >= COMMIT_S:
            self.commit()

    @contextmanager
    def _output_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise OutputError(f"The window cache {self._folder} cannot be written: {reason}.") from error


def _offsets(stored: list[Entry], name: str) -> NDArray[np.int64]:
    return np.cumsum([0, *(entry["rows"][name] for entry in stored)], dtype=np.int64)
