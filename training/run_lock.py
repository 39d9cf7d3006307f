"""One training at a time in a result folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from emolive.errors import ConfigError, OutputError

LOCK = "run.lock"


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of an existing folder. The system releases it when a process ends in whatever way.

    Raises:
        ConfigError: another process trains there.
        OutputError: the lock cannot be written.
    """
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise ConfigError(
            f"Another training runs in {folder}: wait until it has ended, or choose another --result_path."
        ) from None
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be written: {error.strerror}.") from error
    try:
        yield
    finally:
        lock.release()
