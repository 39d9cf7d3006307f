"""68 facial landmarks by dlib's ensemble of regression trees (Kazemi & Sullivan, CVPR 2014).

Trained on iBUG 300-W, whose licence allows research only; so does the use of this landmarker. The landmark
data for training was measured with it. Points of another landmarker differ systematically.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from emolive._compat.opencv import cv2
from emolive.errors import MissingDependencyError
from emolive.types import BoundingBox, FloatArray, Image

LANDMARKER_ID = "dlib68"
_FILE = "shape_predictor_68_face_landmarks.dat"


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

    def predict(self, image: Image, face: BoundingBox) -> FloatArray:
        """Landmarks of a face.

        Args:
            image: (height, width, 3) BGR.
            face: the tracker's box.

        Returns:
            (68, 2) float32 in pixels of the full image.
        """
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
        rectangle = self._rectangle(
            round(x - left), round(y - top), round(x - left + width), round(y - top + height)
        )
        shape = self._predict(crop, rectangle)
        points = [(shape.part(i).x, shape.part(i).y) for i in range(68)]
        return np.asarray(points, np.float32) + np.array([left, top], np.float32)
