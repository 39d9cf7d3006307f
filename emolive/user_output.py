"""Files that a user names for results: replaced only if asked, written by one process at a time."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emolive.errors import OutputError


def check_replaceable(path: Path, *, allowed: bool, how: str = "--overwrite to replace it") -> None:
    """Refuse a file that exists and is not empty.

    Args:
        path: anything else than a regular file, such as a pipe, is never replaced and is accepted.
        allowed: the user has permitted it.
        how: the option that permits it.

    Raises:
        OutputError: the file exists.
    """
    if allowed:
        return
    try:
        is_in_use = path.is_file() and path.stat().st_size > 0
    except (OSError, ValueError):
        # Whoever writes it reports why that is not possible.
        return
    if is_in_use:
        raise OutputError(f"{path} exists: name another file, or add {how}.")


@contextmanager
def reserved(path: Path | None) -> Iterator[None]:
    """Keep other processes of emolive from writing a file at the same time.

    Args:
        path: the file; None, or something else than a regular file, needs no reservation.

    Raises:
        OutputError: another process writes it.
    """
    if path is None or (path.exists() and not path.is_file()):
        yield
        return
    lock = path.with_name(f".{path.name[:100]}.lock")
    try:
        descriptor = _acquire(lock)
    except BlockingIOError:
        raise OutputError(f"Another emolive is writing {path}: name another file.") from None
    except (OSError, ValueError):
        # A folder in which nothing can be created, or a file system without locks: writing tells more.
        yield
        return
    try:
        yield
    finally:
        # While it is still locked, so that nobody holds a lock on a file that is gone.
        with contextlib.suppress(OSError):
            lock.unlink()
        os.close(descriptor)


def _acquire(lock: Path) -> int:
    """An open descriptor of the lock file, locked. BlockingIOError if another process has it."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
            # Its former owner may have removed it between the two calls.
            if lock.exists() and os.path.samestat(os.fstat(descriptor), lock.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
