"""Converts frames to the size and pixel format of the screen."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QImage

from emolive.types import Image


class FrameConverter:
    """Converts each frame once into its own buffer, which painting then copies."""

    def __init__(self) -> None:
        self._source: Image | None = None
        self._layout: tuple[int, int, bool] | None = None
        self._mirrored: Image | None = None
        self._resized: Image | None = None
        self._pixels: Image | None = None
        self._image = QImage()

    def convert(self, source: Image, width: int, height: int, *, mirrored: bool) -> QImage:
        """Convert a frame, unless it is the same as last time.

        Args:
            source: (h, w, 3) uint8, BGR.
            width: of the result, in device pixels.
            height: of the result, in device pixels.
            mirrored: flip it left to right.

        Returns:
            An image that is valid until the next call.
        """
        layout = width, height, mirrored
        if source is self._source and layout == self._layout:
            return self._image
        # Not at the top: the window is shown before OpenCV is imported.
        from emolive._compat.opencv import cv2

        if self._pixels is None or self._pixels.shape[:2] != (height, width):
            self._resized = np.empty((height, width, 3), np.uint8)
            self._pixels = np.empty((height, width, 4), np.uint8)
            self._image = QImage(self._pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        image = source
        if mirrored:
            if self._mirrored is None or self._mirrored.shape != source.shape:
                self._mirrored = np.empty_like(source)
            cv2.flip(image, 1, dst=self._mirrored)
            image = self._mirrored
        if image.shape[:2] != (height, width):
            # Linear also for shrinking: area averaging looks no better here and is five times slower.
            assert self._resized is not None
            cv2.resize(image, (width, height), dst=self._resized, interpolation=cv2.INTER_LINEAR)
            image = self._resized
        cv2.cvtColor(image, cv2.COLOR_BGR2BGRA, dst=self._pixels)
        self._source, self._layout = source, layout
        return self._image
