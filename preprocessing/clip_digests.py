"""What identifies the content of a clip, wherever its files are and whatever they are called."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from emolive.errors import EmoliveError
from preprocessing.annotations import Annotations, ClipEntry
from preprocessing.array_archive import ArrayArchive

BLOCK = 1 << 18
"""Files of up to four blocks are read as a whole; of larger ones the first, a middle and the last block."""
DIGEST_BYTES = 6
"""Of ten thousand clips each, two sets share a digest by chance once in three million cases."""

Digests = Mapping[str, frozenset[bytes]]
"""The digests of a clip's files, by the clip's id. A file that cannot be read has none."""


@lru_cache(maxsize=4)
def clip_digests(annotations: Annotations) -> Digests:
    """The digests of the files of all clips; landmarks in an archive count as a file each."""
    archives: dict[Path, ArrayArchive] = {}
    of_entry: dict[str, frozenset[bytes]] = {"": frozenset()}
    try:
        for entry in {entry for item in annotations.items for entry in (item.video, item.audio)} - {""}:
            of_entry[entry] = frozenset(_digests(annotations, entry, archives))
    finally:
        for archive in archives.values():
            archive.close()
    return {item.id: of_entry[item.video] | of_entry[item.audio] for item in annotations.items}


def _digests(annotations: Annotations, entry: str, archives: dict[Path, ArrayArchive]) -> Iterator[bytes]:
    """The digest of a file; nothing if it cannot be read, which is reported when the clip is."""
    path, key = annotations.locate(entry)
    try:
        if key:
            if path not in archives:
                archives[path] = ArrayArchive(path)
            yield _short(archives[path].read(f"{key}/xy").astype("float32").tobytes())
        elif path.is_dir():
            files = sorted(file for file in path.iterdir() if file.is_file())
            yield _short(b"".join(_short(_content(file)) for file in files))
        else:
            yield _short(_content(path))
    except (EmoliveError, OSError, ValueError):
        return


def _content(path: Path) -> bytes:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= 4 * BLOCK:
            return file.read()
        parts = [size.to_bytes(8, "little")]
        for start in (0, size // 2, size - BLOCK):
            file.seek(start, os.SEEK_SET)
            parts.append(file.read(BLOCK))
        return b"".join(parts)


def _short(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:DIGEST_BYTES]


def name_digest(clip: ClipEntry) -> bytes:
    """The digest of a clip's id and actor, for clips whose files were converted in between."""
    return _short(f"{clip.id}\0{clip.actor}".encode())


def pack(digests: Iterable[bytes]) -> str:
    """Text for a checkpoint's metadata: short, and without the names of files and people."""
    return base64.b64encode(b"".join(sorted(set(digests)))).decode("ascii")


def unpack(text: object) -> frozenset[bytes]:
    """The inverse of `pack`; nothing for anything else."""
    try:
        content = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        return frozenset()
    return frozenset(content[i : i + DIGEST_BYTES] for i in range(0, len(content), DIGEST_BYTES))
