"""Finds media files in a folder, and says what it passes over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emolive.capture.container import open_media, streams
from emolive.errors import ConfigError, MediaError
from preprocessing.annotations import ClipEntry, split_key
from preprocessing.datasets.base import Skipped
from preprocessing.output import PLAN
from preprocessing.records import Issue

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".3g2", ".3gp", ".asf", ".avi", ".dv", ".f4v", ".flv", ".gif", ".h264", ".h265", ".hevc", ".ivf",
    ".m1v", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpe", ".mpeg", ".mpg",
    ".mts", ".mxf", ".nut", ".ogm", ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv",
    ".y4m",
})
AUDIO_SUFFIXES = frozenset({
    ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".au", ".caf", ".eac3", ".flac", ".gsm",
    ".m4a", ".m4b", ".mka", ".mp2", ".mp3", ".mpc", ".oga", ".ogg", ".opus", ".ra", ".rf64", ".snd",
    ".sph", ".spx", ".tta", ".voc", ".w64", ".wav", ".wma", ".wv",
})
ARCHIVE_SUFFIXES = frozenset({
    ".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zip", ".zst",
})
_NEVER_MEDIA = frozenset({
    ".bmp", ".c", ".cfg", ".csv", ".dat", ".db", ".doc", ".docx", ".h5", ".heic", ".htm", ".html",
    ".ini", ".ipynb", ".jpeg", ".jpg", ".js", ".json", ".lnk", ".log", ".m", ".mat", ".md", ".npy",
    ".npz", ".pdf", ".pickle", ".pkl", ".png", ".pt", ".pth", ".py", ".rst", ".rtf", ".safetensors",
    ".sh", ".srt", ".svg", ".textgrid", ".tif", ".tiff", ".toml", ".tsv", ".txt", ".vtt", ".webp",
    ".xls", ".xlsx", ".xml", ".yaml", ".yml",
})
# fmt: on
"""Not opened to find out. A file with any other suffix is: FFmpeg may know what it is."""


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A video or sound file."""

    path: Path
    is_video: bool


Found = MediaFile | Issue | Skipped


def scan_media(root: Path) -> Iterator[Found]:
    """Media files at any depth under `root`, in an order that does not depend on the file system.

    Links are followed. Hidden files and folders that preprocessing has written are not searched.

    Yields:
        A `MediaFile` for everything that FFmpeg reads, an `Issue` for each archive and broken link, and a
        `Skipped` for each other file.

    Raises:
        ConfigError: there is no such folder.
    """
    if root.suffix.lower() in ARCHIVE_SUFFIXES and root.is_file():
        raise ConfigError(f"{root} is a {root.suffix} file: unpack it, and give the folder with its clips.")
    if not root.is_dir():
        raise ConfigError(f"There is no folder {root}: check the path.")
    seen = {os.path.realpath(root)}
    for folder, folders, files in os.walk(root, followlinks=True):
        here = Path(folder)
        folders[:] = [name for name in sorted(folders) if _is_searched(here / name, seen)]
        for name in sorted(files):
            # macOS writes a "._NAME" beside every NAME on foreign disks.
            if not name.startswith("."):
                yield _classify(here / name, root)


def _is_searched(folder: Path, seen: set[str]) -> bool:
    """Whether a folder is to be searched; a link to a folder that was searched already is not."""
    if folder.name.startswith(".") or folder.name == "__MACOSX" or (folder / PLAN).is_file():
        return False
    real = os.path.realpath(folder)
    is_new = real not in seen
    seen.add(real)
    return is_new


def _classify(path: Path, root: Path) -> Found:
    suffix, name = path.suffix.lower(), path.relative_to(root).as_posix()
    if not path.exists():
        return Issue("missing", name, "It is a link to a file that is not there.")
    if suffix in ARCHIVE_SUFFIXES:
        return Issue("packed", name, f"It is a {suffix} file, whose clips are not read: unpack it.")
    if suffix in VIDEO_SUFFIXES or suffix in AUDIO_SUFFIXES:
        return MediaFile(path, suffix in VIDEO_SUFFIXES)
    if suffix not in _NEVER_MEDIA:
        try:
            with open_media(path) as container:
                video, _ = streams(path, container)
                return MediaFile(path, video is not None)
        except MediaError:
            pass
    return Skipped(f"{suffix} files" if suffix else "files without a suffix")


def is_media(clip: ClipEntry, root: Path) -> bool:
    """Whether a clip consists of media files, in contrast to landmarks or crops that are computed already."""
    return not any(
        (entry and (root / entry).is_dir()) or split_key(entry)[1] or entry.endswith(".npy")
        for entry in (clip.video, clip.audio)
    )
