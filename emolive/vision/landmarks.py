"""68 facial landmarks by dlib's ensemble of regression trees (Kazemi & Sullivan, CVPR 2014).

Trained on iBUG 300-W, whose licence allows research only; so does the use of this landmarker. The landmark
data for training was measured with it. Points of another landmarker differ systematically.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np

from emolive._compat.opencv import cv2
from emolive.errors import MissingDependencyError
from emolive.types import BoundingBox, FloatArray, Image

LANDMARKER_ID = "dlib68"
MAX_ROLL_DEG = 20.0
"""A face that is rotated by more is set upright before its landmarks are predicted."""
MIN_LIGHT = 0.12
"""A face whose middle has a lower mean luma (0..1) is brightened."""
TARGET_LIGHT, MAX_GAIN = 0.4, 14.0
_PATCH_SIDE = 2.4
"""Side of the patch that is set upright, over the longer side of the face's box."""
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


class LandmarkPredictor:
    """Predicts the 68 iBUG landmarks of one face. Not thread-safe.

    Raises:
        MissingDependencyError: the predictor's file is not installed.
    """

    def __init__(self) -> None:
        import _dlib_pybind11 as dlib  # what dlib-bin installs; its `dlib` wrapper only renames it

        self._rectangle: Any = dlib.rectangle
        self._predict: Any = dlib.shape_predictor(str(_predictor_path()))

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
        if abs(roll_deg) <= MAX_ROLL_DEG:
            return self._predict_upright(image, face)
        # A square that holds the face in any rotation, set upright.
        size = max(1, round(_PATCH_SIDE * max(face.width_px, face.height_px)))
        x, y = face.center_px
        rotation = cv2.getRotationMatrix2D((x, y), roll_deg, 1.0)
        rotation = rotation + np.array([[0, 0, size / 2 - x], [0, 0, size / 2 - y]])
        patch = cv2.warpAffine(image, rotation, (size, size), borderMode=cv2.BORDER_REPLICATE)
        left, top = (size - face.width_px) / 2, (size - face.height_px) / 2
        box = BoundingBox(left, top, face.width_px, face.height_px)
        points = self._predict_upright(np.asarray(patch, np.uint8), box)
        back = cv2.invertAffineTransform(rotation)
        return np.asarray(points @ back[:, :2].T + back[:, 2], np.float32)

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
        crop = cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_BGR2GRAY)
        crop = _brighten(np.asarray(crop, np.uint8))
        rectangle = self._rectangle(
            round(x - left), round(y - top), round(x - left + width), round(y - top + height)
        )
        shape = self._predict(crop, rectangle)
        points = [(shape.part(i).x, shape.part(i).y) for i in range(68)]
        return np.asarray(points, np.float32) + np.array([left, top], np.float32)


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
