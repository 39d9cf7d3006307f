"""68 facial landmarks as a frame encoder, without position, size and roll.

A face is aligned to a mean shape by the similarity transform (Procrustes analysis) that fits its stable
points: eye corners, nose bridge and jaw ends, which no expression moves. What remains is the expression,
the identity and the rest of the pose; `emolive.normalization` removes the identity.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emolive.paths import asset
from emolive.types import FloatArray
from emolive.vision.encoders.base import FrameEncoder, LandmarkInput

if TYPE_CHECKING:
    from emolive.models.spec import ModelSpec

POINTS = 68
STABLE_POINTS = (0, 16, 27, 28, 29, 30, 36, 39, 42, 45)
"""iBUG indices: jaw ends, nose bridge, eye corners."""
_STABLE = np.array(STABLE_POINTS)
MIRROR = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *(27, 28, 29, 30),
    *(35, 34, 33, 32, 31),
    *(45, 44, 43, 42, 47, 46),
    *(39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48),
    *(59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60),
    *(67, 66, 65),
)
"""Index of each landmark's counterpart in the left-right flipped image."""


def procrustes_align(points: FloatArray, shape: FloatArray) -> FloatArray:
    """Align each face to `shape` by the similarity transform of its stable points, in closed form.

    Args:
        points: (n, 68, 2), y downwards, any unit.
        shape: (68, 2), the target.

    Returns:
        (n, 68, 2) in units of `shape`. A face whose stable points coincide gives zeros.
    """
    return _aligned(points, *_target(shape))


def _target(shape: FloatArray) -> tuple[NDArray[np.complex128], np.complex128]:
    """The stable points of the target shape relative to their centre, and that centre."""
    rigid = _plane(shape)[_STABLE]
    centre = rigid.mean()
    return rigid - centre, centre


def _plane(points: FloatArray) -> NDArray[np.complex128]:
    """(..., 2) → (...): x + iy, where a similarity transform is one product and one sum."""
    return np.ascontiguousarray(points, np.float64).view(np.complex128)[..., 0]


def _aligned(points: FloatArray, target: NDArray[np.complex128], target_centre: np.complex128) -> FloatArray:
    z = _plane(points)
    rigid = z[:, _STABLE]
    centre = rigid.sum(axis=1, keepdims=True) / len(STABLE_POINTS)
    # The least-squares similarity is one division (Umeyama 1991 in the plane).
    turned = (rigid - centre).conj()
    size = (turned.real**2 + turned.imag**2).sum(axis=1, keepdims=True)
    turn = (turned @ target)[:, None] / np.maximum(size, np.finfo(np.float64).tiny)
    aligned = (z - centre) * turn + target_centre * (size > 0)
    return np.asarray(aligned.view(np.float64).reshape(points.shape), np.float32)


def mean_shape_of(points: FloatArray, rounds: int = 5) -> FloatArray:
    """The mean of many faces (n, 68, 2) after alignment (generalised Procrustes; Gower 1975).

    Centred between the eyes, whose outer corners lie level and 1 apart.
    """
    shape = _upright(points.mean(axis=0))
    for _ in range(rounds):
        shape = _upright(procrustes_align(points, shape).mean(axis=0))
    return shape


def _upright(shape: FloatArray) -> FloatArray:
    z = shape[:, 0].astype(np.float64) + 1j * shape[:, 1]
    z = (z - (z[36] + z[45]) / 2) / (z[45] - z[36])
    return np.stack([z.real, z.imag], axis=-1).astype(np.float32)


@cache
def mean_shape() -> FloatArray:
    """The shipped mean shape (68, 2); its unit is the distance of the outer eye corners."""
    return np.asarray(json.loads(asset("face", "mean_shape.json").read_text())["points"], np.float32)


@cache
def _mean_target() -> tuple[NDArray[np.complex128], np.complex128]:
    return _target(mean_shape())


class LandmarkEncoder(FrameEncoder):
    """Encodes landmarks as their coordinates x0, y0, x1, y1 … on the mean shape."""

    name = "landmarks"
    dim = 2 * POINTS
    landmarker = "dlib68"

    @property
    def input(self) -> LandmarkInput:
        return LandmarkInput()

    def __call__(self, batch: NDArray[Any]) -> FloatArray:
        """(n, 68, 2) landmarks in pixels → (n, 136) float32."""
        return _aligned(batch, *_mean_target()).reshape(len(batch), self.dim)

    @classmethod
    def fingerprint_of(cls, spec: ModelSpec, weights: str | None = None) -> str:
        return cls.name

    @classmethod
    def mirror(cls, vectors: FloatArray) -> FloatArray:
        """The vectors (..., 136) of the left-right flipped images."""
        points = vectors.reshape(*vectors.shape[:-1], POINTS, 2)[..., list(MIRROR), :]
        return (points * np.array([-1, 1], np.float32)).reshape(vectors.shape)
