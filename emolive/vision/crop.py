"""The square face crop that a pixel encoder reads."""

from __future__ import annotations

from typing import Literal

import numpy as np

from emolive._compat.opencv import cv2
from emolive.types import BoundingBox, FloatArray, Image
from emolive.vision.tracker import square_around

MARGIN = 1.2
"""Side of the crop relative to the longer side of the detector's box: forehead to below the chin."""
LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)
"""iBUG indices; left and right in the image."""


def crop_face(
    image: Image,
    box: BoundingBox,
    size: int,
    order: Literal["BGR", "RGB"] = "BGR",
    points_px: FloatArray | None = None,
) -> Image:
    """Cut a square around a face and resize it.

    Args:
        image: (height, width, 3) BGR.
        box: of the face, in pixels.
        size: side of the crop in pixels.
        order: channel order of the crop.
        points_px: (68, 2) landmarks; if given, the face is rotated so that its eyes lie level.

    Returns:
        (size, size, 3) uint8, contiguous. Parts outside the image repeat its edge.
    """
    resized = _plain(image, box, size) if points_px is None else _upright(image, box, size, points_px)
    return resized if order == "BGR" else np.ascontiguousarray(resized[..., ::-1])


def _plain(image: Image, box: BoundingBox, size: int) -> Image:
    square = square_around(box, MARGIN)
    height, width = image.shape[:2]
    left, top = round(square.x_px), round(square.y_px)
    side = max(1, round(square.width_px))
    x0, y0 = min(max(0, left), width - 1), min(max(0, top), height - 1)
    x1, y1 = max(x0 + 1, min(width, left + side)), max(y0 + 1, min(height, top + side))
    above, below, before, behind = y0 - top, top + side - y1, x0 - left, left + side - x1
    crop = image[y0:y1, x0:x1]
    if max(above, below, before, behind) > 0:
        edges = (max(0, above), max(0, below)), (max(0, before), max(0, behind)), (0, 0)
        crop = np.pad(crop, edges, mode="edge")
    interpolation = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (size, size), interpolation=interpolation), np.uint8)


def _upright(image: Image, box: BoundingBox, size: int, points_px: FloatArray) -> Image:
    across = points_px[RIGHT_EYE].mean(axis=0) - points_px[LEFT_EYE].mean(axis=0)
    roll_deg = float(np.degrees(np.arctan2(across[1], across[0])))
    side = max(1.0, square_around(box, MARGIN).width_px)
    # Warping counts pixels by their centres, a box by their borders.
    x, y = box.center_px[0] - 0.5, box.center_px[1] - 0.5
    scale, middle = size / side, (size - 1) / 2
    matrix = cv2.getRotationMatrix2D((x, y), roll_deg, scale)
    matrix = matrix + np.array([[0, 0, middle - x], [0, 0, middle - y]])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    crop = cv2.warpAffine(image, matrix, (size, size), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)
