#!/usr/bin/env python
"""Fit the weights of `emolive.vision.occlusion` on faces with and without drawn covers, and print them.

    python tools/fit_occlusion.py --images FOLDER... --videos FOLDER...

Of images and of a few frames of each video the face is found, a mask, a hand or dark glasses of random shape
and colour are drawn on it, and its landmarks are predicted anew, as they would be live. Files of one name up
to the last "_" count as one person; the shares that are printed are of people who were held out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emolive._compat.opencv import cv2
from emolive.capture.decode import iter_media
from emolive.errors import EmoliveError
from emolive.types import FloatArray, Frame, Image
from emolive.vision.encoders.landmarks import LandmarkEncoder
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.occlusion import align_patch, measure

Doubles = NDArray[np.float64]

KINDS = ("mouth", "eyes")
EVERY, AT_MOST = 30, 6
"""Of a video every so manieth frame, and so many of them."""
FOLDS = 8
NEGATIVE_WEIGHT, RIDGE = 3.0, 3.0
THRESHOLD = 0.5
_MASKS = [(200, 170, 110), (235, 235, 235), (25, 25, 25), (180, 140, 220), (60, 60, 140), (90, 130, 70)]
_GLASSES = [(0, 0, 0), (20, 20, 25), (25, 40, 60), (60, 40, 30), (70, 70, 70), (90, 60, 120)]
_HAND_SHARE = 0.25
_SMALL_PX, _BORDER_PX = 200, 60


def read(images: Sequence[Path], videos: Sequence[Path]) -> Iterator[tuple[str, Image]]:
    """Person and picture (height, width, 3)."""
    for path in images:
        image = cv2.imread(str(path))
        if image is None:
            continue
        if max(image.shape) < _SMALL_PX:
            # A crop of a face: the detector wants to see what is around it.
            image = cv2.copyMakeBorder(image, *(4 * [_BORDER_PX]), borderType=cv2.BORDER_REPLICATE)
        yield path.stem, np.asarray(image, np.uint8)
    for path in videos:
        try:
            frames = (frame for frame in iter_media(path, audio=False) if frame.index % EVERY == 0)
            for _, frame in zip(range(AT_MOST), frames, strict=False):
                yield path.stem.rpartition("_")[0] or path.stem, frame.image
        except EmoliveError:
            continue


def paint(
    image: Image, shape: Image, colour: Doubles, rng: np.random.Generator, hardness: tuple[float, float]
) -> Image:
    """Paint a shape (height, width) of 0 and 1 in a colour, flat, shaded, pleated or noisy."""
    height, width = shape.shape
    layer = np.broadcast_to(colour, image.shape).astype(np.float32)
    kind = rng.integers(4)
    if kind == 1:
        layer = layer * np.linspace(1.1, 0.7, width, dtype=np.float32)[None, :, None]
    elif kind == 2:
        layer = layer + (8 * np.sin(np.arange(height) * 2 * np.pi / rng.uniform(5, 14)))[:, None, None]
    elif kind == 3:
        layer = layer + cv2.GaussianBlur(rng.normal(0, 40, image.shape).astype(np.float32), (0, 0), 2)
    soft = cv2.GaussianBlur(shape.astype(np.float32), (0, 0), rng.uniform(*hardness))[..., None]
    return np.asarray(np.clip(image * (1 - soft) + layer * soft, 0, 255), np.uint8)


def cover_mouth(image: Image, points: FloatArray, rng: np.random.Generator) -> Image:
    """A mask or a hand before the mouth."""
    shape = np.zeros(image.shape[:2], np.uint8)
    eyes_px = float(np.linalg.norm(points[45] - points[36]))
    centre = (points[57] + points[33]) / 2
    kind = rng.random()
    if kind < 0.4:
        half = np.array([rng.uniform(0.5, 0.75), rng.uniform(0.38, 0.6)]) * eyes_px
        low, high = (centre - half).astype(int).tolist(), (centre + half).astype(int).tolist()
        cv2.rectangle(shape, low, high, 1, -1)
    elif kind < 0.85:
        outline = np.concatenate([points[1:16], points[[rng.choice([28, 29, 30])]]])
        cv2.fillPoly(shape, [outline.astype(np.int32)], 1)
    else:
        axes = int(0.55 * eyes_px), int(0.4 * eyes_px)
        cv2.ellipse(shape, centre.astype(int).tolist(), axes, rng.uniform(-30, 30), 0, 360, 1, -1)
    if rng.random() < _HAND_SHARE:
        x, y = points[29].astype(int)
        skin = image[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].reshape(-1, 3)
        return paint(image, shape, np.median(skin, axis=0) * rng.uniform(0.75, 1.15), rng, (0.3, 1.5))
    colour = np.array(_MASKS[rng.integers(len(_MASKS))]) * rng.uniform(0.7, 1.1) + rng.normal(0, 10, 3)
    return paint(image, shape, colour, rng, (0.3, 1.5))


def cover_eyes(image: Image, points: FloatArray, rng: np.random.Generator) -> Image:
    """Dark glasses, or a bar over the eyes."""
    shape = np.zeros(image.shape[:2], np.uint8)
    across = points[45] - points[36]
    eyes_px, degrees = float(np.hypot(*across)), float(np.degrees(np.arctan2(across[1], across[0])))
    for eye in (slice(36, 42), slice(42, 48)):
        x, y = points[eye].mean(axis=0).tolist()
        wide, high = rng.uniform(0.24, 0.34) * eyes_px, rng.uniform(0.16, 0.3) * eyes_px
        if rng.random() < 0.5:
            cv2.fillPoly(shape, [cv2.boxPoints(((x, y), (2 * wide, 2 * high), degrees)).astype(np.int32)], 1)
        else:
            cv2.ellipse(shape, (int(x), int(y)), (int(wide), int(high)), degrees, 0, 360, 1, -1)
    left, right, inner_left, inner_right = (points[i].astype(int).tolist() for i in (36, 45, 39, 42))
    if rng.random() < _HAND_SHARE:
        cv2.line(shape, left, right, 1, int(0.4 * eyes_px))
    cv2.line(shape, inner_left, inner_right, 1, max(1, int(0.05 * eyes_px)))
    colour = np.array(_GLASSES[rng.integers(len(_GLASSES))]) + rng.normal(0, 4, 3)
    return paint(image, shape, colour, rng, (0.3, 1.5))


def worsen(image: Image, rng: np.random.Generator) -> Image:
    """The same picture darker, blurred, compressed or of fewer pixels: none of which is a cover."""
    kind = rng.integers(4)
    if kind == 0:
        return np.asarray(image * rng.uniform(0.15, 0.8), np.uint8)
    if kind == 1:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(1, 3)), np.uint8)
    if kind == 2:
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 50))])[1]
        return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    small = cv2.resize(image, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (image.shape[1], image.shape[0])), np.uint8)


def fit(values: Doubles, targets: Doubles, weights: Doubles) -> Doubles:
    """Logistic regression by Newton's method: the weights (D,) of the values (n, D), then that of 1."""
    mean, std = values.mean(axis=0), values.std(axis=0) + 1e-9
    rows = np.column_stack([(values - mean) / std, np.ones(len(values))])
    ridge = np.diag([*(values.shape[1] * [RIDGE]), 0.0])
    found = np.zeros(rows.shape[1])
    for _ in range(50):
        p = probability(rows[:, :-1], found)
        curvature = rows.T @ (rows * (weights * p * (1 - p))[:, None]) + ridge
        found += np.linalg.solve(curvature, rows.T @ (weights * (targets - p)) - ridge @ found)
    raw = found[:-1] / std
    return np.array([*raw, found[-1] - raw @ mean])


def probability(values: Doubles, weights: Doubles) -> Doubles:
    """(n,) of values (n, D)."""
    logits = values @ weights[:-1] + weights[-1]
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), np.float64)


def main() -> None:
    """Read, draw, measure, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", nargs="*", type=Path, default=[])
    parser.add_argument("--videos", nargs="*", type=Path, default=[])
    arguments = parser.parse_args()
    images, videos = (
        sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
        for folders in (arguments.images, arguments.videos)
    )
    rng = np.random.default_rng(0)
    pipeline = FacePipeline([LandmarkEncoder()])
    people, labels, measured = [], [], []
    for person, image in read(images, videos):
        pictures = [("", image), ("", worsen(image, rng))]
        pipeline.reset()
        seen = pipeline.process(Frame(0, image, 0)).face
        if seen is None or seen.points_px is None:
            continue
        for cover, kind in ((cover_mouth, "mouth"), (cover_eyes, "eyes")) * 2:
            pictures.append((kind, cover(image, seen.points_px, rng)))
        for kind, picture in pictures:
            pipeline.reset()
            face = pipeline.process(Frame(0, picture, 0)).face
            if face is not None and face.points_px is not None:
                people.append(person)
                labels.append(kind)
                measured.append(measure(align_patch(picture, face.points_px)))
    pipeline.close()
    names = np.unique(people)
    fold_of = dict(zip(rng.permutation(names), np.arange(len(names)) % FOLDS, strict=True))
    fold = np.array([fold_of[person] for person in people])
    label = np.array(labels)
    weights = np.where(label == "", NEGATIVE_WEIGHT, 1.0)
    for column, kind in enumerate(KINDS):
        values = np.stack([both[column] for both in measured])
        target = (label == kind).astype(np.float64)
        held_out = np.zeros(len(target))
        for k in range(FOLDS):
            found = fit(values[fold != k], target[fold != k], weights[fold != k])
            held_out[fold == k] = probability(values[fold == k], found)
        hits, errors = ((held_out[which] > THRESHOLD).mean() for which in (target == 1, label == ""))
        sys.stdout.write(
            f"{kind}: {hits:.1%} of the covered found, {errors:.1%} of the others taken for it\n"
        )
        sys.stdout.write(f"  {np.round(fit(values, target, weights), 3).tolist()}\n")


if __name__ == "__main__":
    main()
