"""68 facial landmarks by dlib's ensemble of regression trees (Kazemi & Sullivan, CVPR 2014).

Trained on iBUG 300-W, whose licence allows research only; so does the use of this landmarker. The landmark
data for training was measured with it. Points of another landmarker differ systematically.
"""

from __future__ import annotations

import importlib.util
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from emolive._compat.opencv import cv2
from emolive.errors import MissingDependencyError
from emolive.types import BoundingBox, FloatArray, Image
from emolive.vision.upright import cut_upright

LANDMARKER_ID = "dlib68"
MAX_ROLL_DEG = 12.0
"""A face that is rotated by more is set upright before its landmarks are predicted: at 12 degrees its
vectors are off by .36 of the deviation within a person as it is and by .26 upright, at 19 degrees by .47 and
.27."""
MIN_LIGHT = 0.12
"""A face whose middle has a lower mean luma (0..1) is brightened."""
TARGET_LIGHT, MAX_GAIN = 0.4, 14.0
MIN_FACE_PX, ENLARGED_PX = 120, 300
"""A face smaller than the first is enlarged to the second before its landmarks are predicted: they are whole
pixels, and those of the training data were measured on faces of 300 to 400 px. Without it the vectors of a
face of 64 px are off by .63 of the deviation within a person, with it by .27."""
_PATCH_SIDE = 1.8
"""Side of the square that is read, over the longer side of the face's box."""
_RIGHT_EYE, _LEFT_EYE = slice(36, 42), slice(42, 48)
_FILE = "shape_predictor_68_face_landmarks.dat"


def eye_roll_deg(points_px: FloatArray) -> float:
    """Angle by which a face is rotated clockwise in the image, from its 68 landmarks (68, 2)."""
    across = points_px[_LEFT_EYE].mean(axis=0) - points_px[_RIGHT_EYE].mean(axis=0)
    return math.degrees(math.atan2(across[1], across[0]))


def _predictor_path() -> Path:
    # The package cannot be imported with a recent setuptools (pkg_resources); only its file is used.
    spec = importlib.util.find_spec("face_recognition_models")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "models" / _FILE
        if path.is_file():
            return path
    raise MissingDependencyError(
        "The landmark predictor is not installed: run `pip install face-recognition-models dlib-bin`."
    )


@cache
def _shape_predictor(path: Path) -> Any:
    """Read once: it takes a second and a hundred megabytes, and predicting changes nothing in it."""
    import _dlib_pybind11 as dlib  # what dlib-bin installs; its `dlib` wrapper only renames it

    return dlib.shape_predictor(str(path))


class LandmarkPredictor:
    """Predicts the 68 iBUG landmarks of one face. Not thread-safe.

    Raises:
        MissingDependencyError: the predictor's file is not installed.
    """

    def __init__(self) -> None:
        import _dlib_pybind11 as dlib

        self._rectangle: Any = dlib.rectangle
        self._predict: Any = _shape_predictor(_predictor_path())

    def predict(self, image: Image, face: BoundingBox, roll_deg: float = 0.0) -> FloatArray:
        """Landmarks of a face.

        The predictor is not invariant to rotation and brightness. A face that is rotated by more than
        MAX_ROLL_DEG is set upright for it, and one darker than MIN_LIGHT is brightened; any other face is
        read as it is, as in the training data.

        Args:
            image: (height, width, 3) BGR.
            face: the tracker's box.
            roll_deg: the face's rotation in the image, clockwise.

        Returns:
            (68, 2) float32 in pixels of the full image.
        """
        side_px = max(face.width_px, face.height_px, 1.0)
        scale = ENLARGED_PX / side_px if side_px < MIN_FACE_PX else 1.0
        if abs(roll_deg) <= MAX_ROLL_DEG:
            roll_deg = 0.0
        if scale == 1 and roll_deg == 0:
            return self._predict_upright(image, face)
        # A grey square with room for the face, upright and large enough.
        patch = cut_upright(image, face.center_px, _PATCH_SIDE * side_px, roll_deg, scale, grey=True)
        size, width, height = len(patch.image), face.width_px * scale, face.height_px * scale
        box = BoundingBox((size - width) / 2, (size - height) / 2, width, height)
        return patch.to_picture(self._predict_upright(patch.image, box))

    def _predict_upright(self, image: Image, face: BoundingBox) -> FloatArray:
        # The predictor was trained on boxes of dlib's own detector, which lie lower and are narrower than
        # BlazeFace's: convert the box.
        x, y = face.x_px + 0.02 * face.width_px, face.y_px + 0.08 * face.height_px
        width, height = 0.96 * face.width_px, 0.96 * face.height_px
        margin = 0.35 * max(width, height)
        rows, columns = image.shape[:2]
        left, top = max(0, int(x - margin)), max(0, int(y - margin))
        right, bottom = min(columns, int(x + width + margin)), min(rows, int(y + height + margin))
        if right - left < 8 or bottom - top < 8:
            return np.full((68, 2), (x + width / 2, y + height / 2), np.float32)
        crop = _brighten(_grey(image[top:bottom, left:right]))
        rectangle = self._rectangle(
            round(x - left), round(y - top), round(x - left + width), round(y - top + height)
        )
        shape = self._predict(crop, rectangle)
        points = [(shape.part(i).x, shape.part(i).y) for i in range(68)]
        return np.asarray(points, np.float32) + np.array([left, top], np.float32)


def _grey(image: Image) -> Image:
    return np.asarray(image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def _brighten(crop: Image) -> Image:
    """A dark grey crop brought to TARGET_LIGHT by one gain; any other as it is."""
    rows, columns = crop.shape
    middle = crop[rows // 4 : -(rows // 4) or None, columns // 4 : -(columns // 4) or None]
    light = float(middle[::2, ::2].mean()) / 255
    if light >= MIN_LIGHT:
        return crop
    return np.asarray(
        cv2.convertScaleAbs(crop, alpha=min(TARGET_LIGHT / max(light, 1e-3), MAX_GAIN)), np.uint8
    )
