"""Find clips: RAVDESS in any of its usual layouts, or any folder of clips with labels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from emolive.errors import EmoliveError

VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg"})
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3", ".m4a", ".aac"})


def media_under(root: Path, skip: Path | None = None) -> Iterator[Path]:
    """Media files at any depth under `root`, in an order that does not depend on the file system.

    Args:
        root: where to look.
        skip: a folder to pass over, where the output lies.

    Raises:
        EmoliveError: there is no such folder.
    """
    if not root.is_dir():
        raise EmoliveError(f"There is no folder {root}: check the path.")
    skipped = skip.resolve() if skip else None
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (here / name).resolve() != skipped
        )
        for name in sorted(files):
            # macOS writes a "._NAME" beside every NAME on foreign disks.
            if not name.startswith(".") and Path(name).suffix.lower() in VIDEO_SUFFIXES | AUDIO_SUFFIXES:
                yield here / name


def is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES
