"""Atomic file writes: a file is complete or absent."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from emolive.errors import OutputError

_PART_SUFFIX = ".part"
_NAME_CHARS = 40
"""Characters of the file's name in the temporary file's name, whose length is limited."""
_DISK_FULL_BYTES = 1 << 20


@contextmanager
def atomic_write(path: Path, *, mode: int = 0o644) -> Iterator[Path]:
    """Write a file that replaces `path` when it is complete.

    Args:
        path: the file.
        mode: its permissions, from which the process's umask is taken away.

    Yields:
        The path of a temporary file in the same folder. It replaces `path` at the end of the block. If the
        block raises an error or removes the temporary file, an older `path` stays as it was.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        # Fail before the work is done, not after it.
        if stat.S_ISDIR(path.stat().st_mode):
            raise OutputError(f"{path} is a folder: name a file to write to.")
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise _output_error(path, error) from error
    try:
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name[:_NAME_CHARS]}.", suffix=_PART_SUFFIX
        )
        os.close(handle)
    except OSError as error:
        raise _output_error(path, error) from error
    part = Path(name)
    try:
        yield part
        if part.exists():
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.chmod(mode & ~_umask())
            part.replace(path)
    except (OSError, RuntimeError) as error:
        raise _output_error(path, error) from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def atomic_text_file(path: Path) -> Iterator[TextIO]:
    """A UTF-8 text file, written as `atomic_write` does. If nothing is written, an older file stays.

    Raises:
        OutputError: it cannot be written.
    """
    # File names need not be valid text; bytes that are not are escaped, as JSON escapes them.
    with atomic_write(path) as part:
        with part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
            is_empty = file.tell() == 0
        if is_empty:
            part.unlink()


def ensure_writable(path: Path) -> None:
    """Check that a file can be written, before its content is computed.

    Raises:
        OutputError: there cannot be a file of this name.
    """
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise OutputError(f"{path} cannot be written: name a file in a folder that exists.")


def remove_stale_parts(folder: Path) -> None:
    """Remove temporary files that a killed process left in a folder that no other process is writing to."""
    for part in folder.glob(f".*{_PART_SUFFIX}"):
        part.unlink(missing_ok=True)


def _umask() -> int:
    """The process's umask; Python can only read it by setting it."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    except (OSError, ValueError):
        pass
    return 0o022


def _output_error(path: Path, error: Exception) -> OutputError:
    reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    # Torch reports a full disk as a RuntimeError.
    if isinstance(error, RuntimeError) and shutil.disk_usage(path.parent).free < _DISK_FULL_BYTES:
        reason = os.strerror(errno.ENOSPC)
    return OutputError(f"{path} cannot be written: {reason}.")
