"""Data sets whose file names say what is in them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from emolive.errors import ConfigError
from preprocessing.annotations import ClipEntry
from preprocessing.archives import without_suffixes
from preprocessing.datasets.base import DatasetItem, Skipped
from preprocessing.media_scan import MediaFile, scan_media, second_copy
from preprocessing.records import Issue

LOSSLESS = (".wav", ".flac", ".aiff")


@dataclass(frozen=True, slots=True)
class ClipName:
    """What the name of a file says."""

    clip: str
    """The id of the clip: the same for its video and its audio."""
    label: str
    actor: str


class NamedDataset(ABC):
    """A data set in which a file's name, or its path, gives the clip, its label and its actor."""

    title: ClassVar[str]
    """For messages: "CREMA-D"."""
    example: ClassVar[str]
    """A typical file name."""

    @abstractmethod
    def parse(self, name: PurePosixPath) -> ClipName | Skipped | None:
        """What a file's name says.

        Args:
            name: relative to the folder of the data set, or absolute.

        Returns:
            None if it is not named like a clip of this data set.
        """

    def items(self, root: Path) -> Iterator[DatasetItem]:
        """The clips, by actor and id. ConfigError if there is no folder or no clip in it."""
        # A folder of one actor may itself be the root.
        around = PurePosixPath(without_suffixes(f"{root.resolve().name}/x")).parent
        clips: dict[str, ClipName] = {}
        files: dict[tuple[str, bool], str] = {}
        for found in scan_media(root):
            if not isinstance(found, MediaFile):
                yield found
                continue
            name = found.name
            parsed = self.parse(around / found.place)
            if parsed is None:
                yield Issue(
                    "misnamed", name, f"It is not named like a clip of {self.title} ({self.example})."
                )
            elif isinstance(parsed, Skipped):
                yield parsed
            else:
                clips[parsed.clip] = parsed
                yield from self._add(files, (parsed.clip, found.is_video), found)
        if not clips:
            raise ConfigError(
                f"{root} has no clip of {self.title}, named like {self.example}: for other clips use "
                f"emolive-preprocess folder."
            )
        for clip in sorted(clips.values(), key=lambda clip: (clip.actor, clip.clip)):
            video, audio = files.get((clip.clip, True), ""), files.get((clip.clip, False), "")
            yield ClipEntry(clip.clip, video, audio or video, clip.label, clip.actor)

    @staticmethod
    def _add(
        files: dict[tuple[str, bool], str], key: tuple[str, bool], found: MediaFile
    ) -> Iterator[DatasetItem]:
        """Add a file of a clip; of two in different formats the lossless one is used."""
        name = found.name
        first = files.setdefault(key, name)
        if first == name:
            return
        if Path(first).suffix.lower() == Path(name).suffix.lower():
            yield second_copy(found, first)
            return
        if Path(name).suffix.lower() in LOSSLESS and Path(first).suffix.lower() not in LOSSLESS:
            files[key] = name
        yield Skipped("files of a clip in a second format")
