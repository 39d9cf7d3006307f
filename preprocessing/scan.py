"""Find media files, whatever they are called."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from emolive.errors import EmoliveError
from preprocessing.annotations import ClipEntry, split_key
from preprocessing.output import PLAN

VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg"})
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3", ".m4a", ".aac"})


def media_under(root: Path) -> Iterator[Path]:
    """Media files at any depth under `root`, in an order that does not depend on the file system.

    Folders that preprocessing filled are passed over.

    Raises:
        EmoliveError: there is no such folder.
    """
    if not root.is_dir():
        raise EmoliveError(f"There is no folder {root}: check the path.")
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not (here / name / PLAN).is_file()
        )
        for name in sorted(files):
            # macOS writes a "._NAME" beside every NAME on foreign disks.
            if not name.startswith(".") and Path(name).suffix.lower() in VIDEO_SUFFIXES | AUDIO_SUFFIXES:
                yield here / name


def is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES


def media(item: ClipEntry, root: Path) -> bool:
    """Whether a clip is of media files, which can be cut."""
    return not any(
        (entry and (root / entry).is_dir()) or split_key(entry)[1] or entry.endswith(".npy")
        for entry in (item.video, item.audio)
    )
