"""A frame brought to the size and the pixels of the screen, once, so that painting it is a mere copy."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QImage

from emolive.types import Image


class FrameConverter:
    """Converts frame after frame into buffers of its own; each `image` is good until the next `show`."""

    def __init__(self) -> None:
        self._source: Image | None = None
        self._shown: tuple[int, int, bool] | None = None
        self._mirrored: Image | None = None
        self._resized: Image | None = None
        self._pixels: Image | None = None
        self._image = QImage()

    def show(self, source: Image, width: int, height: int, *, mirrored: bool) -> QImage:
        """`source` (h, w, 3) BGR as `width` x `height` device pixels; nothing is done twice."""
        wanted = width, height, mirrored
        if source is self._source and wanted == self._shown:
            return self._image
        # Late: the window is there before OpenCV is, and the first frame comes after both.
        from emolive._compat.opencv import cv2

        if self._pixels is None or self._pixels.shape[:2] != (height, width):
            self._resized = np.empty((height, width, 3), np.uint8)
            self._pixels = np.empty((height, width, 4), np.uint8)
            self._image = QImage(self._pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        picture = source
        if mirrored:
            if self._mirrored is None or self._mirrored.shape != source.shape:
                self._mirrored = np.empty_like(source)
            cv2.flip(picture, 1, dst=self._mirrored)
            picture = self._mirrored
        if picture.shape[:2] != (height, width):
            # Linear also where it shrinks: the mean of areas looks no better and takes five times as long.
            assert self._resized is not None
            cv2.resize(picture, (width, height), dst=self._resized, interpolation=cv2.INTER_LINEAR)
            picture = self._resized
        cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA, dst=self._pixels)
        self._source, self._shown = source, wanted
        return self._image
