"""Finds media files in a folder and in the archives in it, and says what it passes over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from emolive.capture.container import open_media
from emolive.capture.tracks import choose_tracks
from emolive.errors import ConfigError, MediaError
from preprocessing import archives
from preprocessing.annotations import ClipEntry, split_key
from preprocessing.datasets.base import DatasetItem, Skipped
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

    name: str
    """Its path relative to the folder that is searched; through an archive as if that were a folder."""
    is_video: bool
    is_packed: bool = False

    @property
    def place(self) -> PurePosixPath:
        """Its name if each archive were unpacked into a folder of the same name."""
        return PurePosixPath(archives.without_suffixes(self.name))


Found = MediaFile | Issue | Skipped


def scan_media(root: Path, *, packed: bool = True) -> Iterator[Found]:
    """Media files at any depth under `root`, in an order that does not depend on the file system.

    Links are followed. Hidden files and folders that preprocessing has written are not searched.

    Args:
        root: a folder, or a zip or tar file.
        packed: search zip and tar files too; see `preprocessing.archives`. Their clips come last.

    Yields:
        A `MediaFile` for everything that FFmpeg reads, an `Issue` for each broken link and each archive of
        another kind, and a `Skipped` for each other file.

    Raises:
        ConfigError: there is no such folder.
        MediaError: the archive `root` cannot be read.
    """
    if packed and archives.is_archive(root):
        yield from _scan_archive(root, "")
        return
    if root.suffix.lower() in ARCHIVE_SUFFIXES and root.is_file():
        raise ConfigError(f"{root} is a {root.suffix} file: unpack it, and give the folder with its clips.")
    if not root.is_dir():
        raise ConfigError(f"There is no folder {root}: check the path.")
    seen, in_folder = {os.path.realpath(root)}, list[str]()
    for folder, folders, files in os.walk(root, followlinks=True):
        here = Path(folder)
        folders[:] = [name for name in sorted(folders) if _is_searched(here / name, seen)]
        for name in sorted(files):
            # macOS writes a "._NAME" beside every NAME on foreign disks.
            if name.startswith("."):
                continue
            if packed and archives.is_archive(here / name):
                in_folder.append((here / name).relative_to(root).as_posix())
            else:
                yield _classify(here / name, root)
    for name in in_folder:
        try:
            yield from _scan_archive(root / name, f"{name}/")
        except MediaError as error:
            yield Issue("corrupt", name, str(error))


def _scan_archive(path: Path, folder: str) -> Iterator[Found]:
    """What an archive has; `folder` is its own name, with "/" behind it."""
    listing = archives.list_archive(path)
    for fault in listing.faults:
        name = f"{folder}{fault.name}".rstrip("/") or path.name
        yield Issue("corrupt" if fault.is_damage else "packed", name, fault.text)
    for name in sorted(listing.members):
        yield _by_suffix(f"{folder}{name}", is_packed=True) or _skipped(name)


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
    if (found := _by_suffix(name)) is not None:
        return found
    if suffix not in _NEVER_MEDIA:
        try:
            with open_media(path) as container:
                video = choose_tracks(path.name, container).video
                return MediaFile(name, video is not None)
        except MediaError:
            pass
    return _skipped(name)


def _by_suffix(name: str, *, is_packed: bool = False) -> Found | None:
    """What a file is by its suffix; None if that does not tell."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in ARCHIVE_SUFFIXES:
        return Issue("packed", name, f"It is a {suffix} file, whose clips are not read: unpack it.")
    if suffix in VIDEO_SUFFIXES or suffix in AUDIO_SUFFIXES:
        return MediaFile(name, suffix in VIDEO_SUFFIXES, is_packed)
    return None


def _skipped(name: str) -> Skipped:
    suffix = PurePosixPath(name).suffix.lower()
    return Skipped(f"{suffix} files" if suffix else "files without a suffix")


def second_copy(found: MediaFile, first: str) -> DatasetItem:
    """What a second file of one name is: in an archive that is unpacked too, or elsewhere."""
    if found.is_packed:
        return Skipped("second copies in archives")
    return Issue("duplicated", found.name, f"It has the same name as {first}, which is used.")


def is_media(clip: ClipEntry, root: Path) -> bool:
    """Whether a clip consists of media files, in contrast to landmarks or crops that are computed already."""
    return not any(
        (entry and (root / entry).is_dir()) or split_key(entry)[1] or entry.endswith(".npy")
        for entry in (clip.video, clip.audio)
    )
