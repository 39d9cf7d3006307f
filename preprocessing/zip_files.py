"""Lists zip files and the zip files in them."""

from __future__ import annotations

import stat
import zipfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from emolive.errors import OutputError
from emolive.quantities import size_text
from preprocessing.archive_listing import DAMAGED, ArchiveListing, is_left_out, name_fault, size_fault
from preprocessing.zip_streams import Chain, open_chain, open_zip

SUFFIX = ".zip"
MAX_DEPTH = 3
"""Zip files in each other."""
MAX_EXPANSION = 200
"""A member that grows more than so many times is no clip: it would fill the disk (a "zip bomb")."""
SMALL_BYTES = 64 << 20
"""A member of this size may grow more: digital silence does."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A file in a zip file, or in a zip file in it."""

    chain: Chain

    @property
    def n_bytes(self) -> int:
        """Size of its content."""
        return self.chain[-1].file_size

    @property
    def check(self) -> int:
        """CRC-32 of its content."""
        return self.chain[-1].CRC

    def open(self, path: Path, stack: ExitStack) -> IO[bytes]:
        """Its content; `stack` closes what is opened."""
        return open_chain(path, self.chain, stack)


def list_into(listing: ArchiveListing, path: Path) -> None:
    """Add the members of a zip file to a listing. OSError if it cannot be opened."""
    with path.open("rb") as file:
        _Lister(listing, path).add(file, "", ())


class _Lister:
    """Collects the members of a zip file and of those in it."""

    def __init__(self, listing: ArchiveListing, path: Path) -> None:
        self._listing, self._path = listing, path

    def add(self, file: IO[bytes], folder: str, chain: Chain) -> None:
        """Add what a zip file has; `folder` is its own name in the outermost one, with "/" behind it."""
        listing = self._listing
        try:
            infos = zipfile.ZipFile(file).infolist()
        except Exception:  # noqa: BLE001 - a damaged directory may raise anything
            listing.fault(folder, DAMAGED.format(kind="zip file"), True)
            return
        encrypted = unknown = 0
        for info in infos:
            name = info.filename.replace("\\", "/").removeprefix("./")
            if name.endswith("/") or is_left_out(name) or stat.S_ISLNK(info.external_attr >> 16):
                continue
            if listing.is_full(folder):
                return
            if text := name_fault(name):
                listing.fault(folder + name, text)
            elif info.flag_bits & _ENCRYPTED:
                encrypted += 1
            elif info.compress_type not in _METHODS:
                unknown += 1
            elif text := size_fault(info.file_size) or _expansion_fault(info):
                listing.fault(folder + name, text)
            elif not name.lower().endswith(SUFFIX):
                listing.members.setdefault(folder + name, ZipMember((*chain, info)))
            else:
                self._add_inner(file, folder + name, (*chain, info))
        if encrypted:
            listing.fault(folder, f"{encrypted} of its files are encrypted: unpack it with its password.")
        if unknown:
            listing.fault(folder, f"{unknown} of its files are packed by an unknown method: unpack it.")

    def _add_inner(self, file: IO[bytes], name: str, chain: Chain) -> None:
        if len(chain) >= MAX_DEPTH:
            self._listing.fault(name, "It is packed too many times: unpack it.")
            return
        try:
            inner = open_zip(file, self._path, chain)
        except OutputError as error:
            self._listing.fault(name, str(error))
        except Exception:  # noqa: BLE001 - a damaged member may raise anything
            self._listing.fault(name, "It is damaged: copy the zip file around it again.", True)
        else:
            self.add(inner, f"{name}/", chain)


def _expansion_fault(info: zipfile.ZipInfo) -> str:
    """Why a member is taken for a bomb, in a sentence; "" if it is not."""
    expansion = info.file_size / max(1, info.compress_size)
    if info.file_size > SMALL_BYTES and expansion > MAX_EXPANSION:
        return f"It would grow {expansion:.0f} times to {size_text(info.file_size)}: it is no clip."
    return ""
