"""`emolive cache`"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from emolive import paths
from emolive.cli.config import Arg, Range
from emolive.errors import ConfigError, OutputError
from emolive.quantities import size_text

LOCK = "lock"
"""File in a set of windows that its writer holds."""


@dataclass(frozen=True)
class CacheOptions:
    """Show the size of the files that emolive can make again, or delete them.

    They are the windows that training and evaluation extracted from clips, and models that were converted for
    a runtime.
    """

    action: Annotated[Literal["show", "clear"], Arg(positional=True, metavar="{show,clear}")] = "show"
    """show or clear."""
    unused_days: Annotated[float, Range(0, 100_000), Arg(metavar="N")] = 0.0
    """Clear only what was written more than N days ago."""
    folder: Annotated[Path | None, Arg(metavar="FOLDER", aliases=("cache-path",))] = None
    """A folder that was given as --cache_path (default: those in the user's folders)."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One cached thing."""

    path: Path
    kind: str
    n_bytes: int
    age_s: float


def cache(options: CacheOptions) -> int:
    """Print a line about each kind and the total, or delete everything that is not being written.

    Raises:
        ConfigError: the folder of the options does not exist.
        OutputError: something cannot be deleted.
    """
    if options.folder is not None and not options.folder.is_dir():
        raise ConfigError(f"There is no folder {options.folder}.")
    entries = [entry for entry in _entries(options.folder) if entry.age_s >= options.unused_days * 86_400]
    if options.action == "show":
        for kind in sorted({entry.kind for entry in entries}):
            sizes = [entry.n_bytes for entry in entries if entry.kind == kind]
            sys.stdout.write(f"{kind}: {len(sizes)}, {size_text(sum(sizes))}\n")
        total = size_text(sum(entry.n_bytes for entry in entries))
        where = ", ".join(str(folder) for folder, _ in _folders(options.folder))
        hint = "; `emolive cache clear` deletes it" if entries else ""
        sys.stdout.write(f"total: {total} in {where}{hint}\n")
        return 0
    freed = 0
    for entry in entries:
        with _unused(entry.path) as is_free:
            if is_free:
                _delete(entry.path)
                freed += entry.n_bytes
            else:
                sys.stdout.write(f"{entry.path} is being written and stays.\n")
    sys.stdout.write(f"Deleted {size_text(freed)}.\n")
    return 0


def _folders(folder: Path | None) -> tuple[tuple[Path, str], ...]:
    if folder is not None:
        return ((folder, "sets of windows"),)
    return ((paths.window_cache_dir(), "sets of windows"), (paths.cache_dir(), "converted models"))


def _entries(folder: Path | None) -> Iterator[_Entry]:
    now_s = time.time()
    for root, kind in _folders(folder):
        for path in sorted(root.iterdir()) if root.is_dir() else ():
            # A folder that was named by hand may hold other things.
            if kind == "sets of windows" and not (path / "index.json").is_file():
                continue
            files = [file for file in (path, *path.rglob("*")) if file.is_file()]
            newest_s = max((file.stat().st_mtime for file in files), default=0.0)
            yield _Entry(path, kind, sum(_used_bytes(file) for file in files), now_s - newest_s)


def _used_bytes(file: Path) -> int:
    stat = file.stat()
    # Windows has no blocks; elsewhere arrays may be sparse.
    return min(stat.st_size, getattr(stat, "st_blocks", stat.st_size) * 512)


@contextmanager
def _unused(path: Path) -> Iterator[bool]:
    """Whether no process writes a set of windows."""
    if not (path / LOCK).exists():
        yield True
        return
    try:
        from filelock import FileLock, Timeout
    except ModuleNotFoundError:
        # Without the packages for training, no training runs.
        yield True
        return
    lock = FileLock(path / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _delete(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be deleted: {error.strerror}.") from error
