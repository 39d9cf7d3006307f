"""Recognises known data sets by the names of their files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from emolive.models.spec import EMOTIONS
from preprocessing.datasets.crema_d import CremaD
from preprocessing.datasets.emodb import EmoDb
from preprocessing.datasets.mead import Mead
from preprocessing.datasets.named import ClipName
from preprocessing.datasets.ravdess import Ravdess
from preprocessing.datasets.savee import Savee

KNOWN: Mapping[str, type[Ravdess | CremaD | Mead | Savee | EmoDb]] = {
    "ravdess": Ravdess,
    "crema-d": CremaD,
    "mead": Mead,
    "savee": Savee,
    "emodb": EmoDb,
}
"""By the name of the command."""
MIN_SHARE = 0.8
"""So many of the files must be named like those of the data set."""
_EMOTION_STEMS = (
    "neutr",
    "calm",
    "happ",
    "joy",
    "sad",
    "ang",
    "fear",
    "disgust",
    "surpris",
    "contempt",
    "bore",
)


def recognise(names: Sequence[PurePosixPath]) -> tuple[str, dict[PurePosixPath, ClipName]] | None:
    """The data set whose clips are named like these files.

    Args:
        names: paths of media files, relative or absolute.

    Returns:
        The name of its command, and what the names say; None if they are of no known data set.
    """
    for command, dataset in KNOWN.items():
        parsed = {name: dataset().parse(name) for name in names}
        clips = {name: clip for name, clip in parsed.items() if isinstance(clip, ClipName)}
        if names and clips and sum(clip is not None for clip in parsed.values()) >= MIN_SHARE * len(names):
            return command, clips
    return None


def folders_are_labels(
    folder_of: Mapping[PurePosixPath, str], clips: Mapping[PurePosixPath, ClipName]
) -> bool:
    """Whether somebody sorted the clips of a known data set into folders of labels of their own.

    They did not if the folders are people, or formats, or one folder for everything.

    Args:
        folder_of: the folder of each file that could be its label; "" for none.
        clips: what the names of the files say.
    """
    actors, labels = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    folders = defaultdict[str, set[str]](set)
    for name, clip in clips.items():
        folder = folder_of[name]
        actors[folder].add(clip.actor)
        labels[folder].add(clip.label)
        folders[clip.label].add(folder)
    if "" in labels:
        return False
    if any(is_emotion_word(folder) for folder in labels):
        return True
    are_people = all(len(of_folder) == 1 for of_folder in actors.values())
    are_mixed = any(len(of_folder) > 1 for of_folder in labels.values())
    if are_mixed and (are_people or len(labels) == 1):
        return False
    return all(len(of_label) == 1 for of_label in folders.values())


def is_emotion_word(text: str) -> bool:
    """Whether a folder is named after an emotion: "Happy", "01-neutral", "anger"."""
    plain = text.lower().lstrip("0123456789 _-.")
    return plain in EMOTIONS or plain.startswith(_EMOTION_STEMS)
