"""Annotations for RAVDESS landmarks that lie in one `.npz`, paired with the sound of the same trials."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from emolive.errors import EmoliveError
from emolive.models.spec import EMOTIONS
from preprocessing.annotations import Item

SOUND_SUFFIXES = (".wav", ".flac")
_TRIAL = re.compile(r"0[123]-(01|02)-0[1-8]-0[12]-0[12]-0[12]-\d\d")


def annotate(
    npz: Path, audio_root: Path, *, relative_to: Path, leave_out: Iterable[str] = ()
) -> tuple[list[Item], list[str]]:
    """One item for each trial that has landmarks and sound.

    Args:
        npz: holds KEY/xy (T, 68, 2) and KEY/frame (T,) for each trial, KEY in RAVDESS's naming.
        audio_root: folder with `03-…` (or `01-…`) sound of the same trials at any depth.
        relative_to: the folder that the annotation file will lie in.
        leave_out: ends of trial names to leave out ("01-01-02-01-18"), or "actor:NN" for a person.

    Returns:
        The items in the order of actor and trial, without a split; and one sentence for each trial that
        was left out.

    Raises:
        EmoliveError: the file holds no trials, or no sound is found for any.
    """
    try:
        with np.load(npz) as stored:
            names = set(stored.files)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise EmoliveError(f"The landmarks {npz} cannot be read: {error}.") from error
    keys = sorted({name.rsplit("/", 1)[0] for name in names if "/" in name})
    trials = [key for key in keys if _TRIAL.fullmatch(key.rsplit("/", 1)[-1])]
    if not trials:
        raise EmoliveError(f"{npz} holds no trials named as RAVDESS names them (01-01-05-01-02-01-12/xy).")
    sounds = _sounds(audio_root)
    faults = tuple(leave_out)
    items, left = [], []
    for key in sorted(trials, key=lambda k: (k[-2:], k)):
        trial = key.rsplit("/", 1)[-1]
        actor = trial[-2:]
        sound = sounds.get(trial[3:])
        if any(trial.endswith(fault) or fault == f"actor:{actor}" for fault in faults):
            left.append(f"{trial} was left out as asked.")
        elif f"{key}/xy" not in names or f"{key}/frame" not in names:
            left.append(f"{trial} lacks xy or frame.")
        elif sound is None:
            left.append(f"{trial} has no sound under {audio_root}.")
        else:
            video = f"{_relative(npz, relative_to)}#{key}"
            label = EMOTIONS[int(trial.split("-")[2]) - 1]
            items.append(Item(trial, video, _relative(sound, relative_to), label, actor, ""))
    if not items:
        raise EmoliveError(f"No sound was found under {audio_root} for the trials in {npz}.")
    return items, left


def _sounds(root: Path) -> dict[str, Path]:
    """Sound by the trial's name without its first field; `03-…` before `01-…`."""
    if not root.is_dir():
        raise EmoliveError(f"There is no folder {root}.")
    found: dict[str, Path] = {}
    for path in sorted(p for p in root.rglob("*") if p.suffix.lower() in SOUND_SUFFIXES):
        if _TRIAL.fullmatch(path.stem) and (path.stem.startswith("03") or path.stem[3:] not in found):
            found[path.stem[3:]] = path
    return found


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
