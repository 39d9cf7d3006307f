"""What archives of all kinds need: sections of files as streams, unpacked copies, and room for them."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO, cast

from emolive.errors import MediaError, OutputError

SPARE_BYTES = 64 << 20
"""Room that is left for others in the folder for temporary files."""


class _Section(io.RawIOBase):
    """A part of a file as a file of its own. Closing it leaves the file open."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("negative seek")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._file.seek(self._start + self._at)
        data = self._file.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def section(file: IO[bytes], start: int, size: int) -> IO[bytes]:
    """A part of a file as a file of its own, seekable. Closing it leaves the file open."""
    return cast(IO[bytes], io.BufferedReader(_Section(file, start, size)))


class _Unpacked:
    """The unpacked copy of the archive that was read last: its clips follow each other."""

    def __init__(self) -> None:
        self.key: object = None
        self.file: IO[bytes] = io.BytesIO()

    def replace(self, key: object, file: IO[bytes]) -> None:
        self.file.close()
        self.key, self.file = key, file


unpacked = _Unpacked()


def temporary_file() -> IO[bytes]:
    """A file without a name, which is gone when it is closed."""
    return tempfile.TemporaryFile(buffering=0)


def check_room(n_bytes: int) -> None:
    """Raises OutputError unless the folder for temporary files has room for `n_bytes`."""
    folder = tempfile.gettempdir()
    if shutil.disk_usage(folder).free < n_bytes + SPARE_BYTES:
        raise OutputError(
            f"{folder} has no room for {n_bytes / 1e6:.0f} MB: free some, or set TMPDIR to another folder."
        )


def copy_content(content: IO[bytes], file: IO[bytes], what: Path, limit: int | None = None) -> None:
    """Copy to the end, where zipfile compares the checksum.

    Args:
        content: what is copied.
        file: where to.
        what: its name.
        limit: in bytes; more is no content that clips have, and room is made sure of on the way.

    Raises:
        MediaError: `what` is damaged, or larger than the limit.
        OutputError: the disk is full.
    """
    n_bytes = 0
    while True:
        try:
            data = content.read(1 << 20)
        except Exception as error:
            raise MediaError(f"{what} is damaged: copy or download the archive again.") from error
        if not data:
            return
        n_bytes += len(data)
        if limit is not None:
            if n_bytes > limit:
                raise MediaError(f"{what} would grow beyond {limit / 1e6:.0f} MB: it holds no clips.")
            if n_bytes % SPARE_BYTES < len(data):
                check_room(SPARE_BYTES)
        try:
            file.write(data)
        except OSError as error:
            folder = tempfile.gettempdir()
            raise OutputError(f"A file cannot be unpacked into {folder}: {error.strerror}.") from error
