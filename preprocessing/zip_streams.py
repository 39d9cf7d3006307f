"""Opens members of zip files, and of zip files in them, as streams."""

from __future__ import annotations

import struct
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from preprocessing.archive_streams import check_room, copy_content, section, temporary_file, unpacked

Chain = tuple[zipfile.ZipInfo, ...]
"""The entry of a member, after those of the zip files around it within the outermost one."""
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
        return section(file, start, info.compress_size)
    key = (path, *((each.header_offset, each.CRC) for each in chain))
    if unpacked.key != key:
        check_room(info.file_size)
        copy = temporary_file()
        with zipfile.ZipFile(file).open(info) as content:
            copy_content(content, copy, path)
        unpacked.replace(key, copy)
    return section(unpacked.file, 0, info.file_size)
