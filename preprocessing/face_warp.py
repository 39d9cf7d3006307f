"""A picture of a face with its landmarks moved to other places: piecewise affine warping.

The face is cut into triangles between its 68 landmarks, points over the forehead and the border of its
surroundings, which stays; the triangles go where the landmarks go.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import Delaunay

from emolive._compat.opencv import cv2
from emolive.types import FloatArray, Image

_COARSE = 2
"""The map is computed this much smaller and interpolated, since it is continuous over triangles."""
_MARGIN = 0.55
"""Kept around the face, in heights of the face."""


class FaceWarp:
    """One picture of a face.

    Args:
        image: (height, width, 3) BGR.
        points_px: (68, 2) its landmarks.
    """

    def __init__(self, image: Image, points_px: FloatArray) -> None:
        low, high = points_px.min(axis=0), points_px.max(axis=0)
        reach = _MARGIN * float(high[1] - low[1])
        self.origin_px = np.maximum(low - (reach, 1.6 * reach), 0).astype(int)
        """(2,) where the face and its surroundings begin in the image."""
        x1, y1 = np.minimum(high + reach, (image.shape[1], image.shape[0])).astype(int)
        self._image = np.ascontiguousarray(image[self.origin_px[1] : y1, self.origin_px[0] : x1])
        own = points_px - self.origin_px
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
        self._source = np.concatenate([own, _forehead(own), self._border]).astype(np.float64)
        self._triangles = Delaunay(self._source).simplices

    def warp(self, points_px: FloatArray) -> Image:
        """The face and its surroundings with the landmarks at `points_px` (68, 2), in pixels of the image."""
        moved = np.asarray(points_px - self.origin_px, np.float32)
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
        return np.asarray(out, np.uint8)


def _forehead(points: FloatArray) -> FloatArray:
    """Points (5, 2) at the forehead's upper edge, which moves with the head and not with the brows."""
    eyes, jaw = points[[36, 39, 42, 45]].mean(axis=0), points[[4, 12]].mean(axis=0)
    up, side = 1.15 * (eyes - jaw), points[16] - points[0]
    return np.stack([eyes + up + side * share for share in (-0.45, -0.22, 0.0, 0.22, 0.45)]).astype(
        np.float32
    )
