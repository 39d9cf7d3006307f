"""Boxes and transforms for tests of the vision package."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from emolive.types import BoundingBox

_coordinates = st.floats(-500, 2000)
_sides = st.floats(1, 800)
boxes = st.builds(BoundingBox, _coordinates, _coordinates, _sides, _sides)


def similarity(points: np.ndarray, scale: float, angle: float, dx: float, dy: float) -> np.ndarray:
    """Points (n, 2), scaled, rotated by `angle` in radians and moved."""
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    return points @ np.array([[c, s], [-s, c]]) + [dx, dy]
