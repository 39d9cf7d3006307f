"""Finds media files in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from emolive.errors import ConfigError
from preprocessing.annotations import ClipEntry, split_key
from preprocessing.output import PLAN

VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg"})
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3", ".m4a", ".aac"})


def iter_media_files(root: Path) -> Iterator[Path]:
    """Media files at any depth under `root`, in an order that does not depend on the file system.

    Folders that preprocessing has written are skipped.

    Raises:
        ConfigError: there is no such folder.
    """
    if not root.is_dir():
        raise ConfigError(f"There is no folder {root}: check the path.")
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
    """Whether the suffix is that of a video file."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def is_media(clip: ClipEntry, root: Path) -> bool:
    """Whether a clip consists of media files, in contrast to landmarks or crops that are computed already."""
    return not any(
        (entry and (root / entry).is_dir()) or split_key(entry)[1] or entry.endswith(".npy")
        for entry in (clip.video, clip.audio)
    )
