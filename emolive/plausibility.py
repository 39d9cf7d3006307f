"""What no sensor, decoder or network can rightly give, checked where it enters.

A single value that is not finite would stay for ever in everything recursive: smoothed probabilities, running
statistics, a tracker's box. Whoever stores a value asks here first, leaves out what does not fit, and counts
it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.types import BoolArray, BoundingBox, FloatArray

MAX_SAMPLE = 100.0
"""Sound 40 dB above full scale is no sound: float formats may exceed 1, by a few dB."""
MIN_SIDE_PX, MAX_SIDE_PX = 16, 16_384
"""Sides of an image that a face can be looked for in."""
POINTS_REACH = 1.0
"""Landmarks lie at most so many widths and heights of the image outside it."""
MAX_FEATURE = 1e6
"""Features of frames and of sound are of the order of 1 to 1000."""


def plausible_samples(samples: NDArray[np.floating]) -> BoolArray | None:
    """Which samples (n,) can be sound; None if all of them can, which is nearly always."""
    if not len(samples):
        return None
    # The comparison is false for NaN.
    if max(-float(samples.min()), float(samples.max())) <= MAX_SAMPLE:
        return None
    return np.asarray(np.abs(samples) <= MAX_SAMPLE, np.bool_)


def image_problem(image: object) -> str:
    """Why an image cannot be looked at, in a few words; "" if it can: (height, width, 3) uint8."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        return "it has no pixels of 8 bits"
    if image.ndim != 3 or image.shape[2] != 3:
        return f"its shape is {' x '.join(map(str, image.shape))}, not height x width x 3"
    if not all(MIN_SIDE_PX <= side <= MAX_SIDE_PX for side in image.shape[:2]):
        return f"it has {image.shape[1]} x {image.shape[0]} pixels"
    return ""


def plausible_box(box: BoundingBox, shape: tuple[int, ...]) -> bool:
    """Whether a face in an image (height, width, ...) can be in a box."""
    corners = np.array([box.center_px, (box.x_px, box.y_px)], np.float32)
    return plausible_points(corners, shape) and box.width_px > 0 and box.height_px > 0


def plausible_points(points_px: FloatArray, shape: tuple[int, ...]) -> bool:
    """Whether landmarks (n, 2) can belong to a face in an image (height, width, ...)."""
    size = np.array([shape[1], shape[0]], np.float32)
    low, high = points_px.min(axis=0), points_px.max(axis=0)
    reach = POINTS_REACH * size
    return bool((low >= -reach).all() and (high <= size + reach).all() and (high > low).any())


def plausible_rows(rows: NDArray[Any]) -> BoolArray | None:
    """Which rows (n, D) of features can be used; None if all can."""
    if not rows.size or max(-float(rows.min()), float(rows.max())) <= MAX_FEATURE:
        return None
    return np.asarray((np.abs(rows) <= MAX_FEATURE).all(axis=-1), np.bool_)


def is_plausible_vector(vector: FloatArray) -> bool:
    """Whether a feature vector (D,) can be used."""
    return plausible_rows(vector[None]) is None
