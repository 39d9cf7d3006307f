"""Images of single faces in memory: FER+ with its raters' votes, and folders of classes."""

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
from emolive.errors import ConfigError, MediaError
from training.backbone import ferplus
from training.backbone.archive import IMAGE_SUFFIXES, Archive

TRAINING, VALIDATION, TESTING = "training", "validation", "testing"
FERPLUS_SPLITS = {"fer2013train": TRAINING, "fer2013valid": VALIDATION, "fer2013test": TESTING}
SPLITS = {
    **dict.fromkeys(("train", "training"), TRAINING),
    **dict.fromkeys(("val", "valid", "validation"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TESTING),
}
VOTES = "fer2013new.csv"
SPLIT_VOTES = "label.csv"
"""In each split's folder, as FERPlus's own script writes it: name, box, votes."""
_MAX_MEMORY_SHARE = 0.6

OnImage = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Faces:
    """Some faces and their labels."""

    images: NDArray[np.uint8]
    """(n, S, S) gray, or (n, S, S, 3) BGR."""
    targets: NDArray[np.float32]
    """(n, classes): shares that sum to 1, or all 0 for a face that is not trained on."""
    classes: NDArray[np.int64]
    """(n,) the class that counts in an evaluation, or `ferplus.EXCLUDED`."""
    has_majority: NDArray[np.bool_]
    """(n,) whether more than half of the raters agree on the class."""
    names: tuple[str, ...]

    @property
    def is_gray(self) -> bool:
        """Whether the images have one channel."""
        return self.images.ndim == 3

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True)
class FaceDataset:
    """Faces by split."""

    labels: tuple[str, ...]
    splits: dict[str, Faces]
    n_missing: int
    """Faces with votes but without an image."""


def read(
    path: Path,
    size: int,
    *,
    labels: Sequence[str] = (),
    only: Sequence[str] = (),
    on_image: OnImage = lambda: None,
) -> FaceDataset:
    """Read faces from a folder or zip file: FERPlus's layout, or `<split>/<class>/image`.

    Args:
        path: the folder or zip file.
        size: larger images are scaled down to this side.
        labels: names of the class folders in their order, where these are numbers.
        only: splits to read; by default all.
        on_image: called after each image.

    Raises:
        EmoliveError: there are no faces, or one of them cannot be read.
    """
    with Archive(path) as archive:
        if _is_ferplus(archive):
            if labels:
                raise ConfigError("FER+ has its own labels: omit --labels.")
            return _read_ferplus(archive, size, only, on_image)
        return _read_folders(archive, size, tuple(labels), only, on_image)


def read_ferplus(
    path: Path, size: int, *, only: Sequence[str] = (), on_image: OnImage = lambda: None
) -> FaceDataset:
    """`read`, but only FERPlus's layout is accepted."""
    with Archive(path) as archive:
        if not _is_ferplus(archive):
            raise MediaError(
                f"{path} is not in FERPlus's layout: it has neither FER2013Train nor FER2013Valid "
                f"nor FER2013Test."
            )
        return _read_ferplus(archive, size, only, on_image)


def _is_ferplus(archive: Archive) -> bool:
    return any(len(n.parts) > 1 and n.parts[-2].lower() in FERPLUS_SPLITS for n in archive.names)


def _read_ferplus(archive: Archive, size: int, only: Sequence[str], on_image: OnImage) -> FaceDataset:
    files: dict[str, dict[str, PurePosixPath]] = {}
    for name in archive.names:
        split = FERPLUS_SPLITS.get(name.parts[-2].lower()) if len(name.parts) > 1 else None
        if split is not None and name.suffix.lower() in IMAGE_SUFFIXES and (not only or split in only):
            files.setdefault(split, {})[name.stem] = name
    votes = _read_votes(archive)
    splits = {}
    for split, by_stem in sorted(files.items(), key=_split_order):
        # Votes are matched by the stem: the table may have .png where the image is a .jpg.
        stems = [stem for stem in by_stem if stem in votes]
        if not stems:
            continue
        of_split = np.array([votes[stem] for stem in stems], np.int64)
        splits[split] = Faces(
            _load_images(archive, [by_stem[stem] for stem in stems], size, on_image),
            ferplus.distribution(of_split),
            ferplus.majority(of_split),
            ferplus.over_half(of_split),
            tuple(by_stem[stem].name for stem in stems),
        )
    if not splits:
        where = f" for {' and '.join(only)}" if only else ""
        raise MediaError(f"{archive.path} holds no faces with votes{where}.")
    present = {stem for by_stem in files.values() for stem in by_stem}
    return FaceDataset(ferplus.LABELS, splits, 0 if only else len(set(votes) - present))


def _split_order(item: tuple[str, object]) -> int:
    return (TRAINING, VALIDATION, TESTING).index(item[0])


def _read_votes(archive: Archive) -> dict[str, list[int]]:
    """Votes by the stem of the image's name; the first row counts if a name occurs twice."""
    tables = [n for n in archive.names if n.name == VOTES]
    files = tables[:1] or [n for n in archive.names if n.name == SPLIT_VOTES]
    if not files:
        raise MediaError(f"{archive.path} holds no votes: {VOTES} is missing.")
    votes: dict[str, list[int]] = {}
    for file in files:
        text = archive.read(file).decode("utf-8-sig", errors="replace")
        name_column = 1 if file.name == VOTES else 0
        for number, row in enumerate(csv.reader(io.StringIO(text)), 1):
            if not row or row[0] == "Usage" or not row[name_column].strip():
                continue
            try:
                counts = [int(cell) for cell in row[2:]]
            except ValueError:
                counts = []
            if len(counts) != len(ferplus.COLUMNS) or min(counts) < 0:
                raise MediaError(f"Line {number} of {file} does not hold ten numbers of votes.")
            votes.setdefault(PurePosixPath(row[name_column].strip()).stem, counts)
    return votes


def _read_folders(
    archive: Archive, size: int, labels: tuple[str, ...], only: Sequence[str], on_image: OnImage
) -> FaceDataset:
    files: dict[str, list[PurePosixPath]] = {}
    for name in archive.names:
        split = SPLITS.get(name.parts[-3].lower()) if len(name.parts) > 2 else None
        if split is not None and name.suffix.lower() in IMAGE_SUFFIXES:
            files.setdefault(split, []).append(name)
    if not files:
        raise MediaError(
            f"{archive.path} holds no faces: it must have FERPlus's folders, or train/CLASS/image."
        )
    classes = sorted(
        {n.parts[-2] for names in files.values() for n in names},
        key=lambda c: (len(c), c) if c.isdecimal() else (0, c),
    )
    if len(classes) < 2:
        raise MediaError(f"{archive.path} holds only one class of faces: {classes[0]}.")
    if labels and len(labels) != len(classes):
        raise ConfigError(f"--labels names {len(labels)} classes, but there are {len(classes)} folders.")
    index = {name: i for i, name in enumerate(classes)}
    splits = {}
    for split, names in sorted(files.items(), key=_split_order):
        if only and split not in only:
            continue
        class_indices = np.array([index[n.parts[-2]] for n in names], np.int64)
        splits[split] = Faces(
            _load_images(archive, names, size, on_image),
            np.eye(len(classes), dtype=np.float32)[class_indices],
            class_indices,
            np.ones(len(class_indices), np.bool_),
            tuple(str(n) for n in names),
        )
    return FaceDataset(labels or tuple(classes), splits, 0)


def _load_images(
    archive: Archive, names: Sequence[PurePosixPath], size: int, on_image: OnImage
) -> NDArray[np.uint8]:
    """All images at one size: that of the first, or `size` if that is smaller; gray if all of them are."""
    side = min(size, len(archive.read_image(names[0])))
    _check_memory(len(names) * side * side * 3)
    images = np.empty((len(names), side, side, 3), np.uint8)
    is_gray = True
    for i, name in enumerate(names):
        image = archive.read_image(name)
        if len(image) != side:
            interpolation = cv2.INTER_AREA if len(image) > side else cv2.INTER_LINEAR
            image = np.asarray(cv2.resize(image, (side, side), interpolation=interpolation), np.uint8)
        images[i] = image
        is_gray = is_gray and bool((image == image[..., :1]).all())
        on_image()
    return images[..., 0].copy() if is_gray else images


def _check_memory(needed: int) -> None:
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return
    if needed > _MAX_MEMORY_SHARE * memory:
        raise ConfigError(
            f"The faces need {needed / 1e9:.1f} GB of this computer's {memory / 1e9:.1f} GB: "
            f"choose a smaller --sample_size."
        )
