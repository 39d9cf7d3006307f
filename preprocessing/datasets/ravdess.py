"""RAVDESS by its file names (Livingstone & Russo 2018, PLoS ONE 13(5), e0196391).

A name is modality-channel-emotion-intensity-statement-repetition-actor. Modality 01 is video with audio,
02 the same video without audio, 03 the same audio alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal

from emolive.errors import ConfigError
from emolive.models.spec import EMOTIONS
from preprocessing.annotations import ClipEntry
from preprocessing.datasets.base import DatasetItem, Skipped
from preprocessing.datasets.named import ClipName
from preprocessing.media_scan import MediaFile, scan_media, second_copy
from preprocessing.records import Issue

Channel = Literal["speech", "song", "both"]

ACTORS = tuple(f"{n:02}" for n in range(1, 25))
NO_SONG = "18"
"""This actor recorded no song."""
_CHANNELS = {"speech": ("01",), "song": ("02",), "both": ("01", "02")}
_NAME = re.compile(r"(0[123])-((0[12])-(0[1-8])-(0[12])-0[12]-0[12]-(\d\d))")
_ACTOR_FOLDER = re.compile(r"actor[ _-]?(\d{1,2})", re.IGNORECASE)


def trials(channel: str, actor: str) -> list[str]:
    """An actor's trials, without the modality: 60 of speech (channel "01"), 44 of song ("02")."""
    if channel == "02" and actor == NO_SONG:
        return []
    emotions = range(1, 9) if channel == "01" else range(1, 7)
    return [
        f"{channel}-{emotion:02}-{intensity:02}-{statement:02}-{repetition:02}-{actor}"
        for emotion, intensity, statement, repetition in product(emotions, (1, 2), (1, 2), (1, 2))
        if (emotion, intensity) != (1, 2)
    ]


@dataclass(frozen=True)
class Ravdess:
    """RAVDESS as downloaded, in any of its usual layouts.

    The clips are in the zip files, in folders such as Actor_01 or ACTOR01, or anywhere else. Each video is
    paired with its audio file. Clips of another channel and videos without audio are counted and skipped.
    """

    channel: Channel = "speech"
    """Which clips to use."""
    title: ClassVar[str] = "RAVDESS"
    example: ClassVar[str] = "01-01-05-01-02-01-12.mp4"

    def parse(self, name: PurePosixPath) -> ClipName | None:
        """See `preprocessing.datasets.named.NamedDataset.parse`."""
        match = _NAME.fullmatch(name.stem)
        return ClipName(match[2], EMOTIONS[int(match[4]) - 1], match[6]) if match else None

    def items(self, root: Path) -> Iterator[DatasetItem]:
        """The clips, by actor and trial. ConfigError if there is no folder or no clip in it."""
        files: dict[tuple[str, str], str] = {}
        for found in scan_media(root):
            if not isinstance(found, MediaFile):
                yield found
                continue
            name = found.name
            match = _NAME.fullmatch(found.place.stem)
            if problem := _name_problem(found, root, match):
                yield Issue("misnamed", name, problem)
                continue
            assert match is not None
            modality, trial = match[1], match[2]
            if match[3] not in _CHANNELS[self.channel]:
                yield Skipped("song" if match[3] == "02" else "speech")
            elif first := files.get((modality, trial)):
                yield second_copy(found, first)
            else:
                files[modality, trial] = name
                if modality == "02":
                    yield Skipped("silent twins")
        present = sorted({trial for modality, trial in files if modality != "02"}, key=_by_actor)
        if not present:
            kind = "speech or song" if self.channel == "both" else self.channel
            raise ConfigError(
                f"{root} has no RAVDESS clip of {kind}, named like 01-01-05-01-02-01-12.mp4: for other clips "
                f"use emolive-preprocess folder."
            )
        for trial in present:
            video, audio = files.get(("01", trial), ""), files.get(("03", trial), "")
            clip = f"{'01' if video else '03'}-{trial}"
            yield ClipEntry(clip, video, audio or video, EMOTIONS[int(trial[3:5]) - 1], trial[-2:])
        yield from _missing({trial for modality, trial in files if modality == "01"}, files, self.channel)


def _by_actor(trial: str) -> tuple[str, str]:
    return trial[-2:], trial


def _name_problem(found: MediaFile, root: Path, match: re.Match[str] | None) -> str | None:
    """The problem with a file name; None if it is valid."""
    path = root / found.place
    if match is None:
        return "It is not named like a RAVDESS clip (01-01-05-01-02-01-12)."
    if match[6] not in ACTORS:
        return f"Its name has actor {match[6]}, but RAVDESS has 24 actors."
    if match[2] not in trials(match[3], match[6]):
        return "Its name is a trial that RAVDESS does not have."
    if (match[1] == "03") == found.is_video:
        return f"Its name has modality {match[1]}, but it is a {path.suffix} file."
    folders = [folder[1] for part in path.parts[:-1] if (folder := _ACTOR_FOLDER.fullmatch(part))]
    if folders and int(folders[-1]) != int(match[6]):
        return f"Its name has actor {match[6]}, but it is in the folder of actor {int(folders[-1]):02}."
    return None


def _missing(videos: set[str], files: Iterable[tuple[str, str]], channel: Channel) -> list[Issue]:
    """One issue for each trial without a video; one for an actor without any file.

    Args:
        videos: trials with video and audio.
        files: modality and trial of each file.
        channel: which clips are used.
    """
    audio = {trial for modality, trial in files if modality == "03"}
    silent = {trial for modality, trial in files if modality == "02"}
    actors = {trial[-2:] for trial in videos | audio | silent}
    issues = []
    for actor in ACTORS:
        expected = [trial for code in _CHANNELS[channel] for trial in trials(code, actor)]
        if actor not in actors:
            if expected:
                issues.append(Issue("missing", f"actor {actor}", "There is no clip of this actor."))
            continue
        for trial in (trial for trial in expected if trial not in videos):
            has = [what for what, names in (("silent twin", silent), ("audio", audio)) if trial in names]
            only = f", only its {' and its '.join(has)}" if has else ""
            issues.append(Issue("missing", f"01-{trial}", f"There is no clip{only}."))
    return issues
