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
from scipy.spatial import Delaunay

from emolive._compat.opencv import cv2
from emolive.errors import MediaError
from emolive.types import FloatArray, Image
from preprocessing.array_archive import ArrayArchive
from preprocessing.landmark_archive import read_landmark_track

PORTRAIT_SCALE = 398 / 1280
"""Size of a portrait relative to the video in whose pixels the landmarks are."""
ENLARGEMENT = 2.0
LOGIT_GAINS = (2.56, 2.92, 2.09, 2.02, 1.77, 3.0, 2.01, 1.72)
"""Spread over real frames relative to that over warped ones, for each class of FER+, at most 3."""
_COARSE = 2
"""The map is computed this much smaller and interpolated, since it is continuous over triangles."""
_MARGIN = 0.55
"""Kept around the face, in heights of the face."""
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
        own = points_px * self._scale
        low, high = own.min(axis=0), own.max(axis=0)
        reach = _MARGIN * float(high[1] - low[1])
        self._origin = np.maximum(low - (reach, 1.6 * reach), 0).astype(int)
        x1, y1 = np.minimum(high + reach, (large.shape[1], large.shape[0])).astype(int)
        self._image = np.ascontiguousarray(large[self._origin[1] : y1, self._origin[0] : x1])
        self._own = own - self._origin
        height, width = self._image.shape[:2]
        self._border = np.array(
            [
                (x, y)
                for x in (0, width / 2, width - 1)
                for y in (0, height / 2, height - 1)
                if (x, y) != (width / 2, height / 2)
            ],
            np.float32,
        )
        self._source = np.concatenate([self._own, _forehead(self._own), self._border]).astype(np.float64)
        self._triangles = Delaunay(self._source).simplices

    def to_image(self, points_px: FloatArray) -> FloatArray:
        """Landmarks (68, 2) in pixels of the video → in pixels of a warped picture."""
        return np.asarray(points_px * self._scale - self._origin, np.float32)

    def warp(self, points_px: FloatArray) -> Image:
        """The picture with the landmarks at `points_px` (68, 2), in pixels of the video."""
        moved = self.to_image(points_px)
        target = np.concatenate([moved, _forehead(moved), self._border])
        target = ((target + 0.5) / _COARSE - 0.5).astype(np.float32)
        height, width = self._image.shape[:2]
        rows, columns = -(-height // _COARSE), -(-width // _COARSE)
        corners = target[self._triangles]
        edges = corners[:, 1:] - corners[:, :1]
        area = np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])
        triangle_of = np.zeros((rows, columns), np.int32)
        fixed = np.round(corners * 16).astype(np.int32)
        # Large ones last: the outline of a sliver must not cover its neighbours.
        for i in np.argsort(area):
            if area[i] > 1:
                cv2.fillConvexPoly(triangle_of, fixed[i], int(i), shift=4)
        homogeneous = np.concatenate([corners, np.ones((len(corners), 3, 1))], axis=2) + np.eye(3) * 1e-6
        affine = np.linalg.solve(homogeneous, self._source[self._triangles]).astype(np.float32)
        own = affine.reshape(-1, 6)[triangle_of].reshape(rows, columns, 3, 2)
        xs, ys = np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32)[:, None]
        maps = own[..., 0, :] * xs[None, :, None] + own[..., 1, :] * ys[..., None] + own[..., 2, :]
        full = cv2.resize(maps, (columns * _COARSE, rows * _COARSE), interpolation=cv2.INTER_LINEAR)
        xs_from, ys_from = (np.ascontiguousarray(full[:height, :width, axis]) for axis in (0, 1))
        out = cv2.remap(self._image, xs_from, ys_from, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return self._with_mouth(np.asarray(out, np.uint8), moved)

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


def _forehead(points: FloatArray) -> FloatArray:
    """Points (5, 2) at the forehead's upper edge, which moves with the head and not with the brows."""
    eyes, jaw = points[[36, 39, 42, 45]].mean(axis=0), points[[4, 12]].mean(axis=0)
    up, side = 1.15 * (eyes - jaw), points[16] - points[0]
    return np.stack([eyes + up + side * share for share in (-0.45, -0.22, 0.0, 0.22, 0.45)]).astype(
        np.float32
    )


def load_tracks(path: Path) -> dict[str, tuple[FloatArray, NDArray[np.int64]]]:
    """Landmark tracks by trial: points (T, 68, 2) in pixels of the video, stamps in ns (T,).

    Raises:
        MediaError: the file cannot be read.
    """
    with ArrayArchive(path) as archive:
        trials = sorted({name.partition("/")[0] for name in archive.names})
        tracks = {trial: read_landmark_track(archive, trial) for trial in trials}
    return {trial: (track.points_px, track.stamps_ns) for trial, track in tracks.items()}


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
