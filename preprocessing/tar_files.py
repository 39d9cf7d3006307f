"""Clips in tar files, compressed or not.

A tar file is read where it is. One that is compressed as a whole has no clip that can be read alone: it is
decompressed into a temporary file, which is kept until another one is read.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tarfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from emolive.errors import MediaError, OutputError
from preprocessing.archive_listing import DAMAGED, ArchiveListing, is_left_out, name_fault, size_fault
from preprocessing.archive_streams import copy_content, section, temporary_file, unpacked

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MAX_EXPANSION = 200
SMALL_BYTES = 64 << 20
"""A file that grows more than so many times, and beyond this size, holds no clips."""
_OPENERS: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
    "gz": lambda file: cast(IO[bytes], gzip.GzipFile(fileobj=file)),
    "bz2": lambda file: cast(IO[bytes], bz2.BZ2File(file)),
    "xz": lambda file: cast(IO[bytes], lzma.LZMAFile(file)),  # noqa: SIM115
}


@dataclass(frozen=True, slots=True)
class TarMember:
    """A file in a tar file."""

    start: int
    """Of its content in the tar file, decompressed."""
    n_bytes: int
    check: int
    """When the tar file was changed, in ns: its members have no checksum."""

    def open(self, path: Path, stack: ExitStack) -> IO[bytes]:
        """The content; `stack` closes what is opened."""
        return section(_plain_file(path, stack), self.start, self.n_bytes)


def list_into(listing: ArchiveListing, path: Path) -> None:
    """Add the members of a tar file to a listing.

    Raises:
        OSError: it cannot be opened.
        OutputError: there is no room to decompress it.
    """
    changed_ns = path.stat().st_mtime_ns
    with ExitStack() as stack:
        try:
            file = _plain_file(path, stack)
            end = file.seek(0, os.SEEK_END)
            file.seek(0)
            for info in stack.enter_context(tarfile.open(fileobj=file, mode="r:")):
                name = info.name.removeprefix("./")
                if not info.isreg() or is_left_out(name):
                    continue
                if listing.is_full():
                    return
                if text := name_fault(name) or size_fault(info.size):
                    listing.fault(name, text)
                elif info.issparse():
                    listing.fault(name, "It is stored with gaps: unpack the tar file.")
                elif info.offset_data + info.size > end:
                    listing.fault("", "It is cut: copy it again.", True)
                else:
                    listing.members.setdefault(name, TarMember(info.offset_data, info.size, changed_ns))
        except OutputError:
            raise
        except MediaError as error:
            listing.fault("", str(error), True)
        except Exception:  # noqa: BLE001 - a damaged file may raise anything
            listing.fault("", DAMAGED.format(kind="tar file"), True)


def _plain_file(path: Path, stack: ExitStack) -> IO[bytes]:
    """The tar file, or its decompressed copy."""
    packed = stack.enter_context(path.open("rb"))
    opener = _OPENERS.get(_compression(path.name.lower()))
    if opener is None:
        return packed
    state = path.stat()
    key = (path, state.st_size, state.st_mtime_ns)
    if unpacked.key != key:
        copy = temporary_file()
        copy_content(opener(packed), copy, path, max(SMALL_BYTES, MAX_EXPANSION * state.st_size))
        unpacked.replace(key, copy)
    return unpacked.file


def _compression(name: str) -> str:
    """gz, bz2 or xz by a file's name; "" for none."""
    return next((kind for kind in _OPENERS if name.endswith(kind)), "")
