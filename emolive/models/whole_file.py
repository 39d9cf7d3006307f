"""Bytes that arrive in a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from emolive.errors import EmoliveError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader never meets half of it; an older one there is replaced.

    Raises:
        EmoliveError: it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise EmoliveError(f"{path} cannot be written: {error.strerror}.") from error
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        raise EmoliveError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
