"""Face detection by MediaPipe's short-range BlazeFace (Bazarevsky et al., 2019)."""

from __future__ import annotations

import math
import threading
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np

from emolive._compat.opencv import cv2
from emolive._compat.stderr import suppress_native_stderr
from emolive.paths import asset
from emolive.types import BoundingBox, Image

INPUT_PX = 256
"""Longer side of the image passed to the detector; its own input is 128, so no detail is lost."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One detected face."""

    box_px: BoundingBox
    score: float
    roll_deg: float = 0.0
    """Rotation of the face in the image, clockwise, from the line of the eyes."""


class FaceDetector:
    """Detects the faces of single images, without state. Not thread-safe.

    Args:
        min_score: detections below this confidence are dropped.
    """

    def __init__(self, min_score: float = 0.5) -> None:
        from mediapipe import Image as MpImage
        from mediapipe import ImageFormat
        from mediapipe.tasks.python import BaseOptions
        from mediapipe.tasks.python.vision import FaceDetector as TaskDetector
        from mediapipe.tasks.python.vision import FaceDetectorOptions

        self._image: Any = MpImage
        self._format = ImageFormat.SRGB
        self._lock = threading.Lock()
        options = FaceDetectorOptions(
            base_options=BaseOptions(
                model_asset_path=str(asset("face", "face_detection_short_range.tflite"))
            ),
            min_detection_confidence=min_score,
        )
        with suppress_native_stderr():
            self._detector: Any = TaskDetector.create_from_options(options)
            self.detect(np.zeros((INPUT_PX, INPUT_PX, 3), np.uint8))
        # Left open, its threads can block the end of the process. At exit it is too late, since closing
        # needs an executor that has been shut down by then.
        self._close = weakref.finalize(self, _close, self._detector, self._lock)
        self._close.atexit = False

    def detect(
        self, image: Image, within: BoundingBox | None = None, *, upside_down: bool = False
    ) -> list[Detection]:
        """All faces in an image, best first.

        A face narrower than an eighth of the searched region is missed, so a small face is detected
        more reliably in a region around its last position.

        Args:
            image: (height, width, 3) BGR.
            within: the region to search; by default the whole image.
            upside_down: turn the region by 180 degrees before it is searched. The detector finds faces that
                are turned by up to 75 degrees; others are missed, or taken for upright ones.

        Returns:
            Detections with boxes in pixels of the whole image.
        """
        height, width = image.shape[:2]
        left = top = 0
        if within is not None:
            left, top = max(0, int(within.x_px)), max(0, int(within.y_px))
            right = min(width, int(within.x_px + within.width_px))
            bottom = min(height, int(within.y_px + within.height_px))
            if right - left < 16 or bottom - top < 16:
                return []
            image = image[top:bottom, left:right]
        rows, columns = image.shape[:2]
        scale = min(1.0, INPUT_PX / max(rows, columns))
        if scale < 1:
            size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        # mp.Image silently ignores strides; the conversion also makes the array contiguous.
        if upside_down:
            image = image[::-1, ::-1]
        rgb = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2RGB)
        with self._lock:
            result = self._detector.detect(self._image(image_format=self._format, data=rgb))
        across, down = columns / rgb.shape[1], rows / rgb.shape[0]
        detections = []
        for found in result.detections:
            box, roll_deg = found.bounding_box, _roll_deg(found.keypoints, rgb.shape[1], rgb.shape[0])
            x, y = box.origin_x, box.origin_y
            if upside_down:
                x, y = rgb.shape[1] - x - box.width, rgb.shape[0] - y - box.height
                roll_deg = math.remainder(roll_deg + 180, 360)
            box_px = BoundingBox(left + x * across, top + y * down, box.width * across, box.height * down)
            detections.append(Detection(box_px, float(found.categories[0].score), roll_deg))
        return sorted(detections, key=lambda d: -d.score)

    def close(self) -> None:
        """Release the native detector; also happens when the last reference to it is dropped."""
        self._close()


def _roll_deg(keypoints: Any, width_px: int, height_px: int) -> float:
    """From the detector's key points in shares of the image, the two eyes first; left in the image first."""
    if not keypoints or len(keypoints) < 2:
        return 0.0
    left, right = keypoints[:2]
    return math.degrees(math.atan2((right.y - left.y) * height_px, (right.x - left.x) * width_px))


def _close(detector: Any, lock: threading.Lock) -> None:
    with lock:
        detector.close()
