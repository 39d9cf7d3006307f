"""Arrays on disk that grow clip by clip: a killed process loses seconds, and the next goes on.

Rows are appended to plain files. A journal, written whole, says how much of them holds; whatever lies
behind that is cut off when the work is taken up again. So the files end the same however often the work
was stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from emolive.atomic_io import atomic_write, remove_stale_parts
from emolive.errors import EmoliveError

DONE = "done.json"
JOURNAL = "journal.json"
COMMIT_S = 2.0
"""Clips cut in so many seconds may be lost when the process is killed."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What is kept of each clip."""

    arrays: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]
    """Shape and type of one clip's part, by name."""
    streams: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]
    """Shape and type of one row, of which a clip has any number, by name."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is there when all is done; the arrays lie on disk."""

    ids: tuple[str, ...]
    """Of the N clips that are kept."""
    failed: tuple[str, ...]
    """One sentence for each of the others."""
    arrays: dict[str, NDArray[Any]]
    """(N, ...)"""
    streams: dict[str, NDArray[Any]]
    """(rows, ...); what is changed in them stays in memory."""
    first: dict[str, NDArray[np.int64]]
    """(N + 1,) for each stream: those of clip i are its rows `[first[i]:first[i + 1]]`."""


Entry = dict[str, Any]
"""A clip in the journal: its id and its rows in each stream, or why it failed."""


class WindowCache:
    """The files of one set of clips.

    Args:
        folder: theirs alone.
        layout: what is kept of each clip.
    """

    def __init__(self, folder: Path, layout: Layout) -> None:
        self._folder, self._layout = folder, layout
        self._files: dict[str, BinaryIO] = {}
        self._committed_s = 0.0
        self._journal: list[Entry] = []

    @property
    def is_done(self) -> bool:
        return (self._folder / DONE).is_file()

    @property
    def clips(self) -> int:
        """Clips dealt with, in their order."""
        return len(self._journal)

    @contextmanager
    def writing(self) -> Iterator[bool]:
        """Take the work up where it was left. Another process that does the same work is waited for.

        Yields:
            Whether there is work left.

        Raises:
            EmoliveError: the folder cannot be written.
        """
        with ExitStack() as stack:
            with self._said():
                self._folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(self._folder / "lock"))
                is_left = not self.is_done
                if is_left:
                    remove_stale_parts(self._folder)
                    self._take_up(stack)
            yield is_left

    def append(
        self, clip: str, arrays: Mapping[str, NDArray[Any]], streams: Mapping[str, NDArray[Any]]
    ) -> None:
        """Keep a clip. EmoliveError if the disk is full."""
        with self._said():
            for name, values in {**arrays, **streams}.items():
                self._files[name].write(np.ascontiguousarray(values).tobytes())
        self._dealt_with({"id": clip, "rows": {name: len(rows) for name, rows in streams.items()}})

    def pass_over(self, why: str) -> None:
        """Remember that there is a clip that cannot be kept."""
        self._dealt_with({"failed": why})

    def commit(self) -> None:
        """Make sure that what was kept so far stays. EmoliveError if the disk is full."""
        with self._said():
            for file in self._files.values():
                file.flush()
                os.fsync(file.fileno())
        self._write(JOURNAL)
        self._committed_s = monotonic()

    def finish(self) -> None:
        """All clips are dealt with."""
        self.commit()
        self._write(DONE)
        (self._folder / JOURNAL).unlink(missing_ok=True)

    def load(self) -> Kept:
        """What was kept. EmoliveError if it is damaged."""
        try:
            journal = self._read(DONE)
            first = {name: _first(journal, name) for name in self._layout.streams}
            ids = tuple(entry["id"] for entry in journal if "id" in entry)
            arrays = {
                name: self._mapped(name, (len(ids), *shape), dtype, "r")
                for name, (shape, dtype) in self._layout.arrays.items()
            }
            streams = {
                name: self._mapped(name, (int(first[name][-1]), *shape), dtype, "c")
                for name, (shape, dtype) in self._layout.streams.items()
            }
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EmoliveError(
                f"The cache {self._folder} is damaged: delete it, and it is made again."
            ) from error
        failed = tuple(entry["failed"] for entry in journal if "id" not in entry)
        return Kept(ids, failed, arrays, streams, first)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.bin"

    def _mapped(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], mode: Any) -> NDArray[Any]:
        # An empty file cannot be mapped.
        return np.memmap(self._path(name), dtype, mode, shape=shape) if shape[0] else np.zeros(shape, dtype)

    def _sizes(self, journal: list[Entry]) -> dict[str, int]:
        """Bytes of each file that a journal speaks of."""
        clips = sum("id" in entry for entry in journal)
        arrays = {
            name: clips * int(np.prod(shape)) * dtype.itemsize
            for name, (shape, dtype) in self._layout.arrays.items()
        }
        streams = {
            name: int(_first(journal, name)[-1]) * int(np.prod(shape)) * dtype.itemsize
            for name, (shape, dtype) in self._layout.streams.items()
        }
        return arrays | streams

    def _take_up(self, stack: ExitStack) -> None:
        try:
            self._journal = self._read(JOURNAL)
            sizes = self._sizes(self._journal)
            enough = all(self._path(name).stat().st_size >= size for name, size in sizes.items())
        except (OSError, ValueError, KeyError, TypeError):
            enough = False
        if not enough:
            # How far an earlier process came cannot be told: the work begins anew.
            self._journal = []
        for name, size in self._sizes(self._journal).items():
            self._path(name).touch()
            file = self._path(name).open("r+b")
            stack.callback(_close, file)
            file.truncate(size)
            file.seek(size)
            self._files[name] = file
        self._committed_s = monotonic()

    def _read(self, name: str) -> list[Entry]:
        return [dict(entry) for entry in json.loads((self._folder / name).read_text())]

    def _write(self, name: str) -> None:
        with atomic_write(self._folder / name) as part:
            part.write_text(json.dumps(self._journal))

    def _dealt_with(self, entry: Entry) -> None:
        # One step, so that a stop at any moment finds the clip in the journal or not.
        self._journal.append(entry)
        if monotonic() - self._committed_s >= COMMIT_S:
            self.commit()

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EmoliveError(f"The cache {self._folder} cannot be written: {error.strerror}.") from error


def _first(journal: list[Entry], stream: str) -> NDArray[np.int64]:
    return np.cumsum([0, *(entry["rows"][stream] for entry in journal if "id" in entry)], dtype=np.int64)


def _close(file: BinaryIO) -> None:
    # What a full disk did not take is behind what the journal speaks of.
    with suppress(OSError):
        file.close()
