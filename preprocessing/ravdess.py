"""RAVDESS by its file names (Livingstone & Russo 2018): what is there, what belongs together, what lacks.

A name reads modality-channel-emotion-intensity-statement-repetition-actor. Modality 01 is picture and
sound, 02 the same picture without sound, 03 the same sound alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from emolive.errors import EmoliveError
from emolive.models.spec import EMOTIONS
from preprocessing.datasets import ClipEntry, Found, Issue, Skipped, option, register
from preprocessing.scan import is_video, media_under

Channel = Literal["speech", "song", "both"]

ACTORS = tuple(f"{n:02}" for n in range(1, 25))
NO_SONG = "18"
"""This actor recorded no song."""
_CHANNELS = {"speech": ("01",), "song": ("02",), "both": ("01", "02")}
_NAME = re.compile(r"(0[123])-((0[12])-(0[1-8])-(0[12])-0[12]-0[12]-(\d\d))")
_ACTOR_FOLDER = re.compile(r"actor[ _-]?(\d{1,2})", re.IGNORECASE)


def trials(channel: str, actor: str) -> list[str]:
    """An actor's trials in RAVDESS, without the modality: 60 of speech ("01"), 44 of song ("02")."""
    if channel == "02" and actor == NO_SONG:
        return []
    emotions = range(1, 9) if channel == "01" else range(1, 7)
    return [
        f"{channel}-{emotion:02}-{intensity:02}-{statement:02}-{repetition:02}-{actor}"
        for emotion, intensity, statement, repetition in product(emotions, (1, 2), (1, 2), (1, 2))
        if (emotion, intensity) != (1, 2)
    ]


@register("ravdess")
@dataclass(frozen=True)
class Ravdess:
    """RAVDESS clips in any of their usual layouts.

    They lie in `Actor_01/`, `ACTOR01/` or any other folders, or in none; each is paired with its sound
    file. Clips of another channel and silent twins are counted.
    """

    channel: Channel = option("speech", choices=tuple(_CHANNELS), help="which clips (%(default)s)")

    def items(self, root: Path) -> Iterator[Found]:
        """EmoliveError if there is no folder, or no clip in it."""
        found: dict[tuple[str, str], str] = {}
        for path in media_under(root):
            name = path.relative_to(root).as_posix()
            match = _NAME.fullmatch(path.stem)
            if problem := _misnamed(path, match):
                yield Issue("misnamed", name, problem)
                continue
            assert match is not None
            modality, trial = match[1], match[2]
            if match[3] not in _CHANNELS[self.channel]:
                yield Skipped("song" if match[3] == "02" else "speech")
            elif first := found.get((modality, trial)):
                yield Issue("duplicated", name, f"Has the same name as {first}, which is used.")
            else:
                found[modality, trial] = name
                if modality == "02":
                    yield Skipped("silent twins")
        there = sorted({trial for modality, trial in found if modality != "02"}, key=_by_actor)
        if not there:
            kind = "speech or song" if self.channel == "both" else self.channel
            raise EmoliveError(
                f"{root} holds no RAVDESS clip of {kind}: their names read 01-01-05-01-02-01-12.mp4. For "
                f"other clips use emolive-preprocess folder."
            )
        for trial in there:
            video, sound = found.get(("01", trial), ""), found.get(("03", trial), "")
            clip = f"{'01' if video else '03'}-{trial}"
            yield ClipEntry(clip, video, sound or video, EMOTIONS[int(trial[3:5]) - 1], trial[-2:])
        yield from _missing({trial for modality, trial in found if modality == "01"}, found, self.channel)


def _by_actor(trial: str) -> tuple[str, str]:
    return trial[-2:], trial


def _misnamed(path: Path, match: re.Match[str] | None) -> str | None:
    """What is wrong with a name; None if nothing is."""
    if match is None:
        return "Is not named as RAVDESS names its clips (01-01-05-01-02-01-12)."
    if match[6] not in ACTORS:
        return f"Names actor {match[6]}, and RAVDESS has 24."
    if match[2] not in trials(match[3], match[6]):
        return "Names a trial that RAVDESS does not have."
    if (match[1] == "03") == is_video(path):
        return f"Says modality {match[1]} and is a {path.suffix} file."
    folders = [found[1] for part in path.parts[:-1] if (found := _ACTOR_FOLDER.fullmatch(part))]
    if folders and int(folders[-1]) != int(match[6]):
        return f"Names actor {match[6]} and lies in the folder of actor {int(folders[-1]):02}."
    return None


def _missing(there: set[str], found: Iterable[tuple[str, str]], channel: Channel) -> list[Issue]:
    """One fault for each trial without a clip; for an actor of whom there is nothing, one for all."""
    heard = {trial for modality, trial in found if modality == "03"}
    seen = {trial for modality, trial in found if modality == "02"}
    here = {trial[-2:] for trial in there | heard | seen}
    faults = []
    for actor in ACTORS:
        wanted = [trial for code in _CHANNELS[channel] for trial in trials(code, actor)]
        if actor not in here:
            if wanted:
                faults.append(Issue("missing", f"actor {actor}", "There is no clip of this actor."))
            continue
        for trial in (trial for trial in wanted if trial not in there):
            has = [what for what, names in (("silent twin", seen), ("sound", heard)) if trial in names]
            only = f", only its {' and its '.join(has)}" if has else ""
            faults.append(Issue("missing", f"01-{trial}", f"The clip is not there{only}."))
    return faults
