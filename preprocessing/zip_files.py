"""Clips in zip files, read where they are: nothing is unpacked but the clip that is decoded.

A path names a member as if the zip file were a folder, `Video_Speech_Actor_01.zip/Actor_01/x.mp4`, and zip
files in zip files likewise. A member is copied to a temporary file of its own, so that no name in a zip file
decides where something is written.
"""

from __future__ import annotations

import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from emolive.errors import MediaError, OutputError
from emolive.printable import printable
from emolive.quantities import size_text
from preprocessing.faults import reading
from preprocessing.zip_streams import Chain, check_room, copy_content, open_chain, open_zip

SUFFIX = ".zip"
MAX_MEMBERS = 200_000
MAX_DEPTH = 3
"""Zip files in each other."""
MAX_BYTES = 8 << 30
"""Size of a member."""
MAX_EXPANSION = 200
"""A member that grows more than so many times is no clip: it would fill the disk (a "zip bomb")."""
SMALL_BYTES = 64 << 20
"""A member of this size may grow more: digital silence does."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A file in a zip file."""

    chain: Chain

    @property
    def n_bytes(self) -> int:
        """Size of its content."""
        return self.chain[-1].file_size

    @property
    def crc(self) -> int:
        """CRC-32 of its content."""
        return self.chain[-1].CRC


@dataclass(frozen=True, slots=True)
class ZipFault:
    """What cannot be read of a zip file."""

    name: str
    """A member, or a zip file in it; "" for the file itself."""
    is_damage: bool
    """Whether the file is damaged, in contrast to readable by other programs."""
    text: str
    """One sentence."""


@dataclass(frozen=True, slots=True)
class ZipListing:
    """The content of a zip file."""

    members: dict[str, ZipMember]
    """By name with "/"; those of a zip file in it are below its name."""
    faults: tuple[ZipFault, ...]


def is_zip(path: Path) -> bool:
    """Whether a path is a file whose name ends in .zip."""
    return path.suffix.lower() == SUFFIX and path.is_file()


def split_path(path: Path) -> tuple[Path, str] | None:
    """The zip file that a path leads through, and the name of the member; None for any other path."""
    zip_file = next((parent for parent in reversed(path.parents) if is_zip(parent)), None)
    return None if zip_file is None else (zip_file, path.relative_to(zip_file).as_posix())


def without_suffixes(name: str) -> str:
    """A name whose zip files are folders of the same name: `a.zip/b.mp4` → `a/b.mp4`."""
    *folders, last = PurePosixPath(name).parts or ("",)
    plain = [folder[: -len(SUFFIX)] if folder.lower().endswith(SUFFIX) else folder for folder in folders]
    return str(PurePosixPath(*plain, last))


def list_zip(path: Path) -> ZipListing:
    """The members of a zip file that can be read, and what cannot.

    Raises:
        MediaError: it cannot be opened.
    """
    with reading(path, "a zip file"):
        state = path.stat()
        return _listing(path, state.st_size, state.st_mtime_ns)


def file_state(path: Path) -> tuple[int, int] | None:
    """What changes with the content of a file; None if there is no such file.

    Returns:
        Size in bytes and modification time in ns, or the CRC-32 in its place for a member of a zip file.
    """
    try:
        if (parts := split_path(path)) is None:
            state = path.stat()
            return state.st_size, state.st_mtime_ns
        member = list_zip(parts[0]).members.get(parts[1])
    except (OSError, MediaError):
        return None
    return None if member is None else (member.n_bytes, member.crc)


@contextmanager
def local_file(path: Path) -> Iterator[Path]:
    """A file on the disk with the content of a path.

    Yields:
        The path itself; for a member of a zip file a copy, which is removed afterwards.

    Raises:
        MediaError: there is no such member, or it is damaged.
        OutputError: the folder for temporary files has no room for it.
    """
    if (parts := split_path(path)) is None:
        yield path
        return
    zip_file, name = parts
    if (member := list_zip(zip_file).members.get(name)) is None:
        raise MediaError(f"{zip_file} has no file {name}: check how it was packed.")
    check_room(member.n_bytes)
    with tempfile.TemporaryDirectory(prefix="emolive-") as folder:
        copy = Path(folder) / f"clip{PurePosixPath(name).suffix}"
        with reading(path, "a file that can be unpacked"), ExitStack() as stack:
            content = open_chain(zip_file, member.chain, stack)
            copy_content(content, stack.enter_context(copy.open("wb", buffering=0)), path)
        yield copy


@lru_cache(maxsize=64)
def _listing(path: Path, size: int, mtime_ns: int) -> ZipListing:
    del size, mtime_ns  # a file that has changed is listed anew
    lister = _Lister(path)
    with path.open("rb") as file:
        lister.add(file, "", ())
    return ZipListing(lister.members, tuple(lister.faults))


class _Lister:
    """Collects the members of a zip file and of those in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.members: dict[str, ZipMember] = {}
        self.faults: list[ZipFault] = []

    def add(self, file: IO[bytes], folder: str, chain: Chain) -> None:
        """Add what a zip file has; `folder` is its own name in the outermost one, with "/" behind it."""
        try:
            infos = zipfile.ZipFile(file).infolist()
        except Exception:  # noqa: BLE001 - a damaged directory may raise anything
            self._fault(folder, "It is damaged, a part of a larger one, or no zip file: copy it again.", True)
            return
        encrypted = unknown = 0
        for info in infos:
            name = info.filename.replace("\\", "/").removeprefix("./")
            if _is_left_out(info, name):
                continue
            if len(self.members) >= MAX_MEMBERS:
                self._fault(folder, f"It has more than {MAX_MEMBERS:,} files: unpack it.")
                return
            if not _is_plain(name):
                self._fault(folder + name, "Its name is no path within the zip file: it is not read.")
            elif info.flag_bits & _ENCRYPTED:
                encrypted += 1
            elif info.compress_type not in _METHODS:
                unknown += 1
            elif text := _size_fault(info):
                self._fault(folder + name, text)
            elif not name.lower().endswith(SUFFIX):
                self.members.setdefault(folder + name, ZipMember((*chain, info)))
            else:
                self._add_inner(file, folder + name, (*chain, info))
        if encrypted:
            self._fault(folder, f"{encrypted} of its files are encrypted: unpack it with its password.")
        if unknown:
            self._fault(folder, f"{unknown} of its files are packed by an unknown method: unpack it.")

    def _add_inner(self, file: IO[bytes], name: str, chain: Chain) -> None:
        if len(chain) >= MAX_DEPTH:
            self._fault(name, "It is packed too many times: unpack it.")
            return
        try:
            inner = open_zip(file, self._path, chain)
        except OutputError as error:
            self._fault(name, str(error))
        except Exception:  # noqa: BLE001 - a damaged member may raise anything
            self._fault(name, "It is damaged: copy the zip file around it again.", True)
        else:
            self.add(inner, f"{name}/", chain)

    def _fault(self, name: str, text: str, is_damage: bool = False) -> None:
        self.faults.append(ZipFault(printable(name.rstrip("/")), is_damage, text))


def _is_left_out(info: zipfile.ZipInfo, name: str) -> bool:
    """Whether an entry is no file, or one that macOS adds beside each file."""
    is_hidden = any(
        part == "__MACOSX" or (part.strip(".") and part.startswith(".")) for part in name.split("/")
    )
    return name.endswith("/") or is_hidden or stat.S_ISLNK(info.external_attr >> 16)


def _is_plain(name: str) -> bool:
    """Whether a name is a relative path that stays below where it begins."""
    parts = name.split("/")
    return name.isprintable() and not PureWindowsPath(name).drive and not {"", ".", ".."} & set(parts)


def _size_fault(info: zipfile.ZipInfo) -> str:
    """Why a member is not unpacked, in a sentence; "" if it may be."""
    expansion = info.file_size / max(1, info.compress_size)
    if info.file_size > MAX_BYTES:
        return f"It would take {size_text(info.file_size)}, which is more than a clip may have."
    if info.file_size > SMALL_BYTES and expansion > MAX_EXPANSION:
        return f"It would grow {expansion:.0f} times to {size_text(info.file_size)}: it is no clip."
    return ""
