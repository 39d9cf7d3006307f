"""Square parts of a picture in which a tilted face is upright."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emolive._compat.opencv import cv2
from emolive.types import FloatArray, Image


@dataclass(frozen=True, slots=True)
class UprightPatch:
    """A rotated and scaled part of a picture. Pixels are counted by their centres."""

    image: Image
    """(size, size) or (size, size, 3) uint8; parts outside of the picture repeat its edge."""
    from_patch: NDArray[np.float64]
    """(2, 3) from places in the patch to places in the picture."""

    def to_picture(self, points: NDArray[np.floating]) -> FloatArray:
        """Points (n, 2) of the patch in pixels of the picture."""
        return np.asarray(points @ self.from_patch[:, :2].T + self.from_patch[:, 2], np.float32)


def cut_upright(
    image: Image,
    center_px: tuple[float, float],
    side_px: float,
    roll_deg: float,
    scale: float = 1.0,
    *,
    grey: bool = False,
) -> UprightPatch:
    """Cut a square and rotate it so that a face with this roll is upright in it.

    Args:
        image: (height, width, 3) BGR, or (height, width).
        center_px: its middle; pixels are counted by their borders, as in boxes.
        side_px: its side in the picture.
        roll_deg: rotation of the face in the picture, clockwise.
        scale: pixels of the patch for one of the picture.
        grey: make it grey.
    """
    # What can come into the square as it turns.
    (x, y), half = center_px, 0.75 * side_px
    rows, columns = image.shape[:2]
    left, top = min(max(0, int(x - half)), columns - 1), min(max(0, int(y - half)), rows - 1)
    right, bottom = max(left + 1, min(columns, int(x + half) + 1)), max(top + 1, min(rows, int(y + half) + 1))
    near = np.ascontiguousarray(image[top:bottom, left:right])
    if grey and near.ndim == 3:
        near = np.asarray(cv2.cvtColor(near, cv2.COLOR_BGR2GRAY), np.uint8)
    size = max(1, round(side_px * scale))
    x, y = x - left - 0.5, y - top - 0.5
    to_patch = cv2.getRotationMatrix2D((x, y), roll_deg, scale)
    to_patch = to_patch + np.array([[0, 0, (size - 1) / 2 - x], [0, 0, (size - 1) / 2 - y]])
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    patch = cv2.warpAffine(near, to_patch, (size, size), flags=how, borderMode=cv2.BORDER_REPLICATE)
    from_patch = cv2.invertAffineTransform(to_patch)
    from_patch[:, 2] += (left, top)
    return UprightPatch(np.asarray(patch, np.uint8), from_patch)
