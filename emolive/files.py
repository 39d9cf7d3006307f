"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emolive.errors import EmoliveError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to that becomes `path` if all goes well; until then an older file stays there.

    Raises:
        EmoliveError: it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
    except OSError as error:
        raise EmoliveError(f"{path} cannot be written: {error.strerror}.") from error
    part = Path(name)
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
    except (OSError, RuntimeError) as error:
        raise EmoliveError(
            f"{path} cannot be written: {getattr(error, 'strerror', None) or error}."
        ) from error
    finally:
        part.unlink(missing_ok=True)
