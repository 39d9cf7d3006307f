"""RAVDESS landmarks that lie in one `.npz`, paired with the sound of the same trials."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emolive.errors import EmoliveError
from emolive.models.spec import EMOTIONS
from preprocessing.datasets import ClipEntry, Found, Issue, Skipped, option, register

SOUND_SUFFIXES = (".wav", ".flac")
_TRIAL = re.compile(r"0[123]-(01|02)-0[1-8]-0[12]-0[12]-0[12]-\d\d")


@register("landmarks")
@dataclass(frozen=True)
class Landmarks:
    """Landmarks in one .npz and the sound of the same trials.

    ROOT is the file; it holds KEY/xy (T, 68, 2) and KEY/frame (T,) for each trial, KEY in RAVDESS's
    naming. The faces are measured already, so OUT is a .csv.
    """

    sound_root: Path | None = option(
        None, type=Path, metavar="DIR", help="folder with the sound, at any depth (default: that of the .npz)"
    )
    leave_out: Sequence[str] = option(
        (), nargs="+", metavar="TRIAL", help="ends of trial names (01-01-02-01-18), or actor:NN"
    )

    def items(self, root: Path) -> Iterator[Found]:
        """In the order of actor and trial. EmoliveError if there are no trials, or no sound for any."""
        try:
            with np.load(root) as stored:
                names = set(stored.files)
        except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
            raise EmoliveError(f"The landmarks {root} cannot be read: {error}.") from error
        keys = {name.rsplit("/", 1)[0] for name in names if "/" in name}
        trials = {key: key.rsplit("/", 1)[-1] for key in keys if _TRIAL.fullmatch(key.rsplit("/", 1)[-1])}
        if not trials:
            raise EmoliveError(
                f"{root} holds no trials named as RAVDESS names them (01-01-05-01-02-01-12/xy)."
            )
        folder = self.sound_root or root.parent
        sounds = _sounds(folder)
        if not any(trial[3:] in sounds for trial in trials.values()):
            raise EmoliveError(
                f"No sound was found under {folder} for the trials in {root}: name it by --sound-root."
            )
        for key, trial in sorted(trials.items(), key=lambda pair: (pair[1][-2:], pair[1])):
            actor, sound = trial[-2:], sounds.get(trial[3:])
            if is_left_out(trial, self.leave_out):
                yield Skipped("trials as asked")
            elif f"{key}/xy" not in names or f"{key}/frame" not in names:
                yield Issue("corrupt", trial, "It lacks xy or frame.")
            elif sound is None:
                yield Issue("missing", trial, f"There is no sound of it under {folder}.")
            else:
                label = EMOTIONS[int(trial.split("-")[2]) - 1]
                yield ClipEntry(trial, f"{root.name}#{key}", str(sound.resolve()), label, actor)


def is_left_out(trial: str, leave_out: Sequence[str]) -> bool:
    """Whether a trial ends so, or is of an actor "actor:NN"."""
    return any(trial.endswith(end) or end == f"actor:{trial[-2:]}" for end in leave_out)


def _sounds(root: Path) -> dict[str, Path]:
    """Sound by the trial's name without its first field; `03-…` before `01-…`."""
    if not root.is_dir():
        raise EmoliveError(f"There is no folder {root}.")
    found: dict[str, Path] = {}
    for path in sorted(p for p in root.rglob("*") if p.suffix.lower() in SOUND_SUFFIXES):
        if _TRIAL.fullmatch(path.stem) and (path.stem.startswith("03") or path.stem[3:] not in found):
            found[path.stem[3:]] = path
    return found
