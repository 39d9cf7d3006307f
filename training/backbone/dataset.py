"""Pictures of single faces in memory: FER+ with its raters' votes, and folders of classes."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from emolive._compat.opencv import cv2
from emolive.errors import EmoliveError
from training.backbone import ferplus as votes
from training.backbone.archive import PICTURES, Source

TRAINING, VALIDATION, TESTING = "training", "validation", "testing"
FERPLUS_SPLITS = {"fer2013train": TRAINING, "fer2013valid": VALIDATION, "fer2013test": TESTING}
SPLITS = {
    **dict.fromkeys(("train", "training"), TRAINING),
    **dict.fromkeys(("val", "valid", "validation"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TESTING),
}
VOTES = "fer2013new.csv"
LABEL_FILE = "label.csv"
"""In each split's folder, as FERPlus's own script writes it: name, box, votes."""
_SHARE_OF_MEMORY = 0.6

Step = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Faces:
    """Some faces and what they express."""

    images: NDArray[np.uint8]
    """(n, S, S) gray, or (n, S, S, 3) BGR."""
    targets: NDArray[np.float32]
    """(n, classes): shares that sum to 1, or all 0 for a face that is not to be trained on."""
    classes: NDArray[np.int64]
    """(n,) the class that counts in an evaluation, or `votes.LEFT_OUT`."""
    sure: NDArray[np.bool_]
    """(n,) whether more than half of the raters agree on it."""
    names: tuple[str, ...]

    @property
    def gray(self) -> bool:
        return self.images.ndim == 3

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True)
class FaceData:
    """A data set by split."""

    labels: tuple[str, ...]
    splits: dict[str, Faces]
    missing: int
    """Faces with votes whose picture is not there."""


def is_ferplus(source: Source) -> bool:
    """Whether it has a folder as FERPlus names them."""
    return any(len(n.parts) > 1 and n.parts[-2].lower() in FERPLUS_SPLITS for n in source.names)


def read(
    path: Path, size: int, *, labels: Sequence[str] = (), only: Sequence[str] = (), step: Step = lambda: None
) -> FaceData:
    """Read faces from a folder or zip file: FERPlus's layout, or `<split>/<class>/picture`.

    Args:
        path: the folder or zip file.
        size: larger pictures are made this small.
        labels: names of the class folders in their order, where these are numbers.
        only: splits to read; by default all.
        step: called after each picture.

    Raises:
        EmoliveError: there are no faces, or one of them cannot be read.
    """
    with Source(path) as source:
        if is_ferplus(source):
            if labels:
                raise EmoliveError("FER+ has labels of its own: leave --labels out.")
            return _ferplus(source, size, only, step)
        return _folders(source, size, tuple(labels), only, step)


def read_ferplus(path: Path, size: int, *, only: Sequence[str] = (), step: Step = lambda: None) -> FaceData:
    """`read`, but only FERPlus's layout is taken."""
    with Source(path) as source:
        if not is_ferplus(source):
            raise EmoliveError(
                f"{path} is not in FERPlus's layout: it has neither FER2013Train nor FER2013Valid "
                f"nor FER2013Test."
            )
        return _ferplus(source, size, only, step)


def _ferplus(source: Source, size: int, only: Sequence[str], step: Step) -> FaceData:
    pictures: dict[str, dict[str, PurePosixPath]] = {}
    for name in source.names:
        split = FERPLUS_SPLITS.get(name.parts[-2].lower()) if len(name.parts) > 1 else None
        if split is not None and name.suffix.lower() in PICTURES and (not only or split in only):
            pictures.setdefault(split, {})[name.stem] = name
    told = _votes(source)
    splits = {}
    for split, named in sorted(pictures.items(), key=_order):
        # Votes know their file by its name; .png there may be .jpg here.
        stems = [stem for stem in named if stem in told]
        if not stems:
            continue
        given = np.array([told[stem] for stem in stems], np.int64)
        splits[split] = Faces(
            _load(source, [named[stem] for stem in stems], size, step),
            votes.distribution(given),
            votes.majority(given),
            votes.over_half(given),
            tuple(named[stem].name for stem in stems),
        )
    if not splits:
        raise EmoliveError(f"{source.path} holds no faces with votes{_of(only)}.")
    there = {stem for named in pictures.values() for stem in named}
    return FaceData(votes.LABELS, splits, 0 if only else len(set(told) - there))


def _order(item: tuple[str, object]) -> int:
    return (TRAINING, VALIDATION, TESTING).index(item[0])


def _of(only: Sequence[str]) -> str:
    return f" for {' and '.join(only)}" if only else ""


def _votes(source: Source) -> dict[str, list[int]]:
    """Votes by the stem of the picture's name; the first row counts where a name comes twice."""
    tables = [n for n in source.names if n.name == VOTES]
    files = tables[:1] or [n for n in source.names if n.name == LABEL_FILE]
    if not files:
        raise EmoliveError(f"{source.path} holds no votes: {VOTES} is missing.")
    found: dict[str, list[int]] = {}
    for file in files:
        text = source.read(file).decode("utf-8-sig", errors="replace")
        name_at = 1 if file.name == VOTES else 0
        for number, row in enumerate(csv.reader(io.StringIO(text)), 1):
            if not row or row[0] == "Usage" or not row[name_at].strip():
                continue
            try:
                given = [int(cell) for cell in row[2:]]
            except ValueError:
                given = []
            if len(given) != len(votes.COLUMNS) or min(given) < 0:
                raise EmoliveError(f"Line {number} of {file} does not hold ten numbers of votes.")
            found.setdefault(PurePosixPath(row[name_at].strip()).stem, given)
    return found


def _folders(source: Source, size: int, labels: tuple[str, ...], only: Sequence[str], step: Step) -> FaceData:
    pictures: dict[str, list[PurePosixPath]] = {}
    for name in source.names:
        split = SPLITS.get(name.parts[-3].lower()) if len(name.parts) > 2 else None
        if split is not None and name.suffix.lower() in PICTURES:
            pictures.setdefault(split, []).append(name)
    if not pictures:
        raise EmoliveError(
            f"{source.path} holds no faces: wanted are FERPlus's folders, or train/CLASS/picture."
        )
    classes = sorted(
        {n.parts[-2] for names in pictures.values() for n in names},
        key=lambda c: (len(c), c) if c.isdecimal() else (0, c),
    )
    if len(classes) < 2:
        raise EmoliveError(f"{source.path} holds one class of faces alone: {classes[0]}.")
    if labels and len(labels) != len(classes):
        raise EmoliveError(f"--labels names {len(labels)} classes, and there are {len(classes)} folders.")
    place = {name: i for i, name in enumerate(classes)}
    splits = {}
    for split, names in sorted(pictures.items(), key=_order):
        if only and split not in only:
            continue
        chosen = np.array([place[n.parts[-2]] for n in names], np.int64)
        splits[split] = Faces(
            _load(source, names, size, step),
            np.eye(len(classes), dtype=np.float32)[chosen],
            chosen,
            np.ones(len(chosen), np.bool_),
            tuple(str(n) for n in names),
        )
    return FaceData(labels or tuple(classes), splits, 0)


def _load(source: Source, names: Sequence[PurePosixPath], size: int, step: Step) -> NDArray[np.uint8]:
    """All pictures at one size: that of the first, or `size` if that is smaller; gray if all of them are."""
    side = min(size, len(source.picture(names[0])))
    _check_memory(len(names) * side * side * 3)
    images = np.empty((len(names), side, side, 3), np.uint8)
    gray = True
    for i, name in enumerate(names):
        picture = source.picture(name)
        if len(picture) != side:
            how = cv2.INTER_AREA if len(picture) > side else cv2.INTER_LINEAR
            picture = np.asarray(cv2.resize(picture, (side, side), interpolation=how), np.uint8)
        images[i] = picture
        gray = gray and bool((picture == picture[..., :1]).all())
        step()
    return images[..., 0].copy() if gray else images


def _check_memory(wanted: int) -> None:
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return
    if wanted > _SHARE_OF_MEMORY * memory:
        raise EmoliveError(
            f"The faces would take {wanted / 1e9:.1f} GB of this computer's {memory / 1e9:.1f} GB: "
            f"choose a smaller --sample_size."
        )
