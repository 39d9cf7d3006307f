"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emolive.errors import EmoliveError

_PART = ".part"
_FULL_BYTES = 1 << 20
_SHOWN = 40
"""Characters of a file's name in that of its part; a name may be as long as a name can be."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A path to write to that becomes `path` if all goes well; until then an older file stays there.

    If the part is removed before the end, the older file stays for good.

    Raises:
        EmoliveError: it cannot be written.
    """
    try:
        # A name that cannot be is said before the work, not after it.
        if stat.S_ISDIR(path.stat().st_mode):
            raise EmoliveError(f"{path} is a folder: name a file to write to.")
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise _unwritten(path, error) from error
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:_SHOWN]}.", suffix=_PART)
        os.close(handle)
    except OSError as error:
        raise _unwritten(path, error) from error
    part = Path(name)
    try:
        yield part
        if part.exists():
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.chmod(0o644)
            part.replace(path)
    except (OSError, RuntimeError) as error:
        raise _unwritten(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def ensure_writable(path: Path) -> None:
    """EmoliveError unless a file can be written there, so far as can be told before the work."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise EmoliveError(f"{path} cannot be written: name a file in a folder that exists.")


def remove_stale_parts(folder: Path) -> None:
    """Remove what a killed process left half written, of a folder in which nobody else is writing."""
    for part in folder.glob(f".*{_PART}"):
        part.unlink(missing_ok=True)


def _unwritten(path: Path, error: Exception) -> EmoliveError:
    why = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    # Torch says in words of its own that the disk took no more.
    if isinstance(error, RuntimeError) and shutil.disk_usage(path.parent).free < _FULL_BYTES:
        why = os.strerror(errno.ENOSPC)
    return EmoliveError(f"{path} cannot be written: {why}.")
