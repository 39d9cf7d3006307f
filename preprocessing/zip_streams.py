"""Opens members of zip files, and of zip files in them, as streams."""

from __future__ import annotations

import io
import os
import shutil
import struct
import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, cast

from emolive.errors import MediaError, OutputError

Chain = tuple[zipfile.ZipInfo, ...]
"""The entry of a member, after those of the zip files around it within the outermost one."""
SPARE_BYTES = 64 << 20
"""Room that is left for others in the folder for temporary files."""
_LOCAL_HEADER = struct.Struct("<26xHH")


def open_chain(zip_file: Path, chain: Chain, stack: ExitStack) -> IO[bytes]:
    """The content of a member; `stack` closes what is opened."""
    file: IO[bytes] = stack.enter_context(zip_file.open("rb"))
    for depth in range(1, len(chain)):
        file = open_zip(file, zip_file, chain[:depth])
    return stack.enter_context(zipfile.ZipFile(file).open(chain[-1]))


def open_zip(file: IO[bytes], path: Path, chain: Chain) -> IO[bytes]:
    """A zip file in the zip file `file`, seekable: a section of it, or an unpacked copy."""
    info = chain[-1]
    if info.compress_type == zipfile.ZIP_STORED:
        file.seek(info.header_offset)
        name_length, extra_length = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        start = info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
        return cast(IO[bytes], io.BufferedReader(_Section(file, start, info.compress_size)))
    key = (path, *((each.header_offset, each.CRC) for each in chain))
    if _unpacked.key != key:
        check_room(info.file_size)
        copy = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - used until another one takes its place
        with zipfile.ZipFile(file).open(info) as content:
            copy_content(content, copy, path)
        _unpacked.replace(key, copy)
    return cast(IO[bytes], io.BufferedReader(_Section(_unpacked.file, 0, info.file_size)))


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


class _Unpacked:
    """The unpacked copy of the zip file in a zip file that was read last: its clips follow each other."""

    def __init__(self) -> None:
        self.key: object = None
        self.file: IO[bytes] = io.BytesIO()

    def replace(self, key: object, file: IO[bytes]) -> None:
        self.file.close()
        self.key, self.file = key, file


_unpacked = _Unpacked()


def check_room(n_bytes: int) -> None:
    folder = tempfile.gettempdir()
    if shutil.disk_usage(folder).free < n_bytes + SPARE_BYTES:
        raise OutputError(
            f"{folder} has no room for {n_bytes / 1e6:.0f} MB: free some, or set TMPDIR to another folder."
        )


def copy_content(content: IO[bytes], file: IO[bytes], what: Path) -> None:
    """Copy to the end, where zipfile compares the checksum.

    Raises:
        MediaError: `what` is damaged.
        OutputError: the disk is full.
    """
    while True:
        try:
            data = content.read(1 << 20)
        except Exception as error:
            raise MediaError(f"{what} is damaged: copy or download the zip file again.") from error
        if not data:
            return
        try:
            file.write(data)
        except OSError as error:
            folder = tempfile.gettempdir()
            raise OutputError(f"A file cannot be unpacked into {folder}: {error.strerror}.") from error
