"""Clips in zip and tar files, read where they are: nothing is unpacked but the clip that is decoded.

A path names a member as if the archive were a folder, `Video_Speech_Actor_01.zip/Actor_01/x.mp4`, and zip
files in zip files likewise. A member is copied to a temporary file of its own, so that no name in an archive
decides where something is written.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath

from emolive.errors import MediaError
from preprocessing import tar_files, zip_files
from preprocessing.archive_listing import ArchiveListing
from preprocessing.archive_streams import check_room, copy_content
from preprocessing.faults import reading

SUFFIXES = (zip_files.SUFFIX, *tar_files.SUFFIXES)


def is_archive(path: Path) -> bool:
    """Whether a path is a file that is read as a folder, by its name."""
    return path.name.lower().endswith(SUFFIXES) and path.is_file()


def split_path(path: Path) -> tuple[Path, str] | None:
    """The archive that a path leads through, and the name of the member; None for any other path."""
    archive = next((parent for parent in reversed(path.parents) if is_archive(parent)), None)
    return None if archive is None else (archive, path.relative_to(archive).as_posix())


def without_suffixes(name: str) -> str:
    """A name whose archives are folders of the same name: `a.zip/b.mp4` → `a/b.mp4`."""
    *folders, last = PurePosixPath(name).parts or ("",)
    return str(PurePosixPath(*map(_without_suffix, folders), last))


def _without_suffix(folder: str) -> str:
    longest = max((len(suffix) for suffix in SUFFIXES if folder.lower().endswith(suffix)), default=0)
    return folder[: len(folder) - longest]


def list_archive(path: Path) -> ArchiveListing:
    """The members of an archive that can be read, and what cannot.

    Raises:
        MediaError: it cannot be opened.
        OutputError: there is no room to decompress it.
    """
    with reading(path, "an archive"):
        state = path.stat()
        return _listing(path, state.st_size, state.st_mtime_ns)


def file_state(path: Path) -> tuple[int, int] | None:
    """What changes with the content of a file; None if there is no such file.

    Returns:
        Size in bytes and modification time in ns, or a checksum in its place for a member of a zip file.
    """
    try:
        if (parts := split_path(path)) is None:
            state = path.stat()
            return state.st_size, state.st_mtime_ns
        member = list_archive(parts[0]).members.get(parts[1])
    except (OSError, MediaError):
        return None
    return None if member is None else (member.n_bytes, member.check)


@contextmanager
def local_file(path: Path) -> Iterator[Path]:
    """A file on the disk with the content of a path.

    Yields:
        The path itself; for a member of an archive a copy, which is removed afterwards.

    Raises:
        MediaError: there is no such member, or it is damaged.
        OutputError: the folder for temporary files has no room for it.
    """
    if (parts := split_path(path)) is None:
        yield path
        return
    archive, name = parts
    if (member := list_archive(archive).members.get(name)) is None:
        raise MediaError(f"{archive} has no file {name}: check how it was packed.")
    check_room(member.n_bytes)
    with tempfile.TemporaryDirectory(prefix="emolive-") as folder:
        copy = Path(folder) / f"clip{PurePosixPath(name).suffix}"
        with reading(path, "a file that can be unpacked"), ExitStack() as stack:
            content = member.open(archive, stack)
            copy_content(content, stack.enter_context(copy.open("wb", buffering=0)), path)
        yield copy


@lru_cache(maxsize=64)
def _listing(path: Path, size: int, mtime_ns: int) -> ArchiveListing:
    del size, mtime_ns  # a file that has changed is listed anew
    listing = ArchiveListing()
    kind = zip_files if path.name.lower().endswith(zip_files.SUFFIX) else tar_files
    kind.list_into(listing, path)
    return listing
