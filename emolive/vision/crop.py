"""The square picture of a face that a pixel encoder sees."""

from __future__ import annotations

from typing import Literal

import numpy as np

from emolive._compat.opencv import cv2
from emolive.types import BoundingBox, Image
from emolive.vision.tracker import square_around

MARGIN = 1.2
"""Side of the crop over the longer side of the detector's box: forehead to below the chin."""


def crop_face(image: Image, box: BoundingBox, size: int, order: Literal["BGR", "RGB"] = "BGR") -> Image:
    """Cut a square round `box` out of a BGR picture and bring it to (size, size, 3).

    What lies over the picture's edge repeats the edge.
    """
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
    how = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    resized = np.asarray(cv2.resize(crop, (size, size), interpolation=how), np.uint8)
    return resized if order == "BGR" else np.ascontiguousarray(resized[..., ::-1])
