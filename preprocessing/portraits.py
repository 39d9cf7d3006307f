"""Pictures for RAVDESS trials whose video is missing: a portrait of the actor, warped along landmark tracks.

A portrait is one real frame of the actor. It is cut into triangles between its 68 landmarks, points over the
forehead and the border of the picture; in each frame of a trial the triangles go where the trial's landmarks
go (piecewise affine warping). Identity and motion are real; wrinkles and what the closed mouth of the
portrait hides are not. On actor 01, whose video exists, the logits of the classifier of faces vary 1.7 to 3
times less over warped pictures than over real ones (`LOGIT_GAINS`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emolive._compat.opencv import cv2
from emolive.errors import MediaError
from emolive.types import FloatArray, Image
from preprocessing.array_archive import ArrayArchive
from preprocessing.face_warp import FaceWarp

PORTRAIT_SCALE = 398 / 1280
"""Size of a portrait relative to the video in whose pixels the landmarks are."""
ENLARGEMENT = 2.0
LOGIT_GAINS = (2.56, 2.92, 2.09, 2.02, 1.77, 3.0, 2.01, 1.72)
"""Spread over real frames relative to that over warped ones, for each class of FER+, at most 3."""
_INNER_MOUTH = list(range(60, 68))
_MIN_OPENING = 0.03
"""A mouth that is opened by less than this, in distances of the eyes, shows nothing inside."""
_INSIDE_BGR, _TEETH_BGR = (38, 30, 60), (130, 140, 150)


class Portrait:
    """The portrait of one actor.

    Args:
        image: (height, width, 3) BGR.
        points_px: (68, 2) its landmarks in pixels of the video.
    """

    def __init__(self, image: Image, points_px: FloatArray) -> None:
        self._scale = PORTRAIT_SCALE * ENLARGEMENT
        large = cv2.resize(image, None, fx=ENLARGEMENT, fy=ENLARGEMENT, interpolation=cv2.INTER_CUBIC)
        self._face = FaceWarp(np.asarray(large, np.uint8), points_px * self._scale)
        self._own = points_px * self._scale - self._face.origin_px

    def to_image(self, points_px: FloatArray) -> FloatArray:
        """Landmarks (68, 2) in pixels of the video → in pixels of a warped picture."""
        return np.asarray(points_px * self._scale - self._face.origin_px, np.float32)

    def warp(self, points_px: FloatArray) -> Image:
        """The picture with the landmarks at `points_px` (68, 2), in pixels of the video."""
        return self._with_mouth(self._face.warp(points_px * self._scale), self.to_image(points_px))

    def _with_mouth(self, out: Image, moved: FloatArray) -> Image:
        """A dark inside with teeth where the mouth is opened wider than on the portrait."""
        inner, eyes = moved[_INNER_MOUTH], float(np.hypot(*(moved[45] - moved[36])))
        opening = (_gap(inner) - max(0.0, _gap(self._own[_INNER_MOUTH]))) / max(eyes, 1.0)
        if opening < _MIN_OPENING:
            return out
        reach = 0.1 * eyes
        x0, y0 = np.maximum(inner.min(axis=0) - reach, 0).astype(int)
        x1, y1 = np.minimum(inner.max(axis=0) + reach, (out.shape[1], out.shape[0])).astype(int)
        if x1 <= x0 or y1 <= y0:
            return out
        part, inner = out[y0:y1, x0:x1], inner - (x0, y0)
        mask = np.zeros(part.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.round(inner * 8).astype(np.int32)], 255, shift=3)
        upper = inner[:5]
        depth = np.array([0, min(0.45 * _gap(inner), 0.09 * eyes)])
        paint = np.full_like(part, _INSIDE_BGR)
        teeth = np.concatenate([upper, (upper + depth)[::-1]])
        cv2.fillPoly(paint, [np.round(teeth * 8).astype(np.int32)], _TEETH_BGR, shift=3)
        blurred = cv2.GaussianBlur(paint, (0, 0), max(1.0, 0.012 * eyes))
        alpha = cv2.GaussianBlur(mask, (0, 0), max(0.8, 0.008 * eyes)).astype(np.float32)[..., None] / 255
        alpha *= min(1.0, opening / 0.08)
        out[y0:y1, x0:x1] = (part * (1 - alpha) + blurred * alpha).astype(np.uint8)
        return out


def _gap(inner: FloatArray) -> float:
    """Mean opening of the inner mouth (8, 2)."""
    return float((inner[[5, 6, 7], 1] - inner[[3, 2, 1], 1]).mean())


def load_tracks(path: Path) -> dict[str, tuple[FloatArray, NDArray[np.int64]]]:
    """Landmark tracks by trial: points (T, 68, 2) in pixels of the video, stamps in ns (T,).

    Raises:
        MediaError: the file cannot be read.
    """
    with ArrayArchive(path) as archive:
        trials = sorted({name.partition("/")[0] for name in archive.names})
        return {
            trial: (
                archive.numbers(f"{trial}/xy", (None, 68, 2)).astype(np.float32),
                np.round(archive.numbers(f"{trial}/frame", (None,)) * 1e9 / 29.97).astype(np.int64),
            )
            for trial in trials
        }


def load_portrait(
    folder: Path, actor: str, tracks: dict[str, tuple[FloatArray, NDArray[np.int64]]]
) -> Portrait:
    """The portrait of an actor; it fits the first frame of their first neutral trial.

    Raises:
        MediaError: there is none.
    """
    path = folder / f"Actor_{actor}.png"
    image = cv2.imread(str(path)) if path.is_file() else None
    trial = f"01-01-01-01-01-01-{actor}"
    if image is None or trial not in tracks:
        raise MediaError(f"There is no portrait {path} with the landmarks of its trial {trial}.")
    return Portrait(np.asarray(image, np.uint8), tracks[trial][0][0])
