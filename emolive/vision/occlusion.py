"""Whether the mouth or the eyes of a face are covered: by a mask, a hand, dark glasses.

Colours and textures of the parts of a face are compared with each other on a small patch in which every face
has the same place. The weights are of a logistic regression on faces with and without drawn covers
(`tools/fit_occlusion.py`), which nothing else was learned from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emolive._compat.opencv import cv2
from emolive.types import FloatArray, Image
from emolive.vision.encoders.landmarks import STABLE_POINTS, mean_shape

WIDTH, HEIGHT = 64, 76
"""Of the patch."""
_EYES_Y, _EYE_DISTANCE = 24.0, 40.0
"""Height of the outer eye corners in the patch, and their distance there."""
_STABLE = list(STABLE_POINTS)
_MOUTH_WEIGHTS = np.array([3.099, 0.864, 1.702, -1.473, -2.133, -0.027, -1.082, -0.586, -11.051])
_EYE_WEIGHTS = np.array([3.274, -3.755, -2.277, 0.033, 0.375, 2.669, 0.115, -5.411])
"""Of the values that `measure` gives, and of 1."""

_Box = tuple[slice, slice]


def _box(x0: int, x1: int, y0: int, y1: int) -> _Box:
    return slice(y0, y1), slice(x0, x1)


_LEFT_EYE, _RIGHT_EYE = _box(12, 28, 20, 29), _box(36, 52, 20, 29)
_BRIDGE, _FOREHEAD = _box(28, 36, 18, 32), _box(22, 42, 6, 14)
_LEFT_CHEEK, _RIGHT_CHEEK = _box(12, 22, 34, 44), _box(42, 52, 34, 44)
_MOUTH, _CHIN = _box(20, 44, 46, 58), _box(24, 40, 60, 70)


def covered_probability(image: Image, points_px: FloatArray) -> float:
    """The probability, 0..1, that the mouth or both eyes of a face are covered.

    Args:
        image: (height, width, 3) BGR.
        points_px: its landmarks (68, 2).
    """
    mouth, eyes = measure(align_patch(image, points_px))
    logit = max(
        float(mouth @ _MOUTH_WEIGHTS[:-1] + _MOUTH_WEIGHTS[-1]),
        float(eyes @ _EYE_WEIGHTS[:-1] + _EYE_WEIGHTS[-1]),
    )
    return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))


def align_patch(image: Image, points_px: FloatArray) -> Image:
    """A face on a patch (HEIGHT, WIDTH, 3) BGR, by the points that no expression moves.

    Args:
        image: (height, width, 3) BGR.
        points_px: its landmarks (68, 2).
    """
    target = mean_shape()[_STABLE] * _EYE_DISTANCE + np.array([WIDTH / 2, _EYES_Y])
    source = points_px[_STABLE].astype(np.float64)
    z, w = source @ [1, 1j], target.astype(np.float64) @ [1, 1j]
    zc, wc = z - z.mean(), w - w.mean()
    # From the patch to the image.
    turn = (np.conj(wc) @ zc) / max(float(np.abs(wc) @ np.abs(wc)), 1e-9)
    shift = z.mean() - turn * w.mean()
    scale = max(float(np.abs(turn)), 1e-6)
    corners = np.array([0, WIDTH, 1j * HEIGHT, WIDTH + 1j * HEIGHT]) * turn + shift
    rows, columns = image.shape[:2]
    x0, x1 = (int(np.clip(x, 0, columns)) for x in (corners.real.min() - 2, corners.real.max() + 3))
    y0, y1 = (int(np.clip(y, 0, rows)) for y in (corners.imag.min() - 2, corners.imag.max() + 3))
    if x1 - x0 < 2 or y1 - y0 < 2:
        return np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    near = image[y0:y1, x0:x1]
    # Linear sampling that skips pixels aliases.
    step = max(1, int(scale))
    if step > 1:
        size = max(1, near.shape[1] // step), max(1, near.shape[0] // step)
        near = np.asarray(cv2.resize(near, size, interpolation=cv2.INTER_AREA), np.uint8)
    across, down = near.shape[1] / (x1 - x0), near.shape[0] / (y1 - y0)
    # Pixels are counted by their centres.
    x, y = (shift.real - x0 + 0.5) * across - 0.5, (shift.imag - y0 + 0.5) * down - 0.5
    matrix = np.array(
        [
            [turn.real * across, -turn.imag * across, x],
            [turn.imag * down, turn.real * down, y],
        ]
    )
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(
        np.ascontiguousarray(near), matrix, (WIDTH, HEIGHT), flags=how, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(patch, np.uint8)


def measure(patch: Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What tells whether the mouth, and whether the eyes are covered, from a patch of `align_patch`.

    Lightness counts relative to the face's own, and contrast relative to that of its other parts, so that
    light and skin matter little.
    """
    lab = cv2.cvtColor(np.asarray(patch, np.float32) / 255, cv2.COLOR_BGR2LAB).astype(np.float64)
    light, colour = lab[..., 0], lab[..., 1:]

    def of(*boxes: _Box) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return (
            np.concatenate([light[box].ravel() for box in boxes]),
            np.concatenate([colour[box].reshape(-1, 2) for box in boxes]),
        )

    def edges(*boxes: _Box) -> float:
        return float(np.mean([np.abs(np.diff(light[box], axis=0)).mean() for box in boxes]))

    upper_l, upper_c = of(_BRIDGE, _FOREHEAD)
    lower_l, lower_c = of(_LEFT_CHEEK, _RIGHT_CHEEK, _MOUTH)
    mouth_l, mouth_c = of(_MOUTH)
    chin_l, chin_c = of(_CHIN)
    eyes_l, eyes_c = of(_LEFT_EYE, _RIGHT_EYE)
    scale = max(float(np.median(np.concatenate([upper_l, lower_l]))), 5.0)
    eye_edges, mouth_edges = edges(_LEFT_EYE, _RIGHT_EYE), edges(_MOUTH)

    def apart(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        return float(np.hypot(*(np.median(a, axis=0) - np.median(b, axis=0)))) / scale

    both = eye_edges + mouth_edges + 0.02 * scale
    mouth = [
        apart(mouth_c, upper_c),
        apart(chin_c, upper_c),
        abs(np.median(mouth_l) - np.median(upper_l)) / scale,
        np.log(mouth_edges / both + 0.01),
        np.log(mouth_l.std() / scale + 0.005),
        np.log(mouth_c.std(axis=0).mean() / scale + 0.005),
        (np.median(mouth_c[:, 0]) - np.median(upper_c[:, 0])) / scale,
        np.log(chin_l.std() / scale + 0.005),
    ]
    dark = float(np.mean(eyes_l < 0.45 * np.median(lower_l)))
    eyes = [
        apart(eyes_c, lower_c),
        (np.median(eyes_l) - np.median(lower_l)) / scale,
        np.log(eye_edges / both + 0.01),
        np.log(eyes_l.std() / scale + 0.005),
        np.log(eyes_c.std(axis=0).mean() / scale + 0.005),
        dark,
        (np.percentile(eyes_l, 80) - np.median(lower_l)) / scale,
    ]
    return np.array(mouth, np.float64), np.array(eyes, np.float64)
