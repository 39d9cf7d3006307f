"""Notices pictures that are upside down: a detector finds a face in them, but a worse one than there is."""

from __future__ import annotations

import numpy as np

from emolive.types import Image
from emolive.vision.detector import FaceDetector

SURE = 0.85
"""Faces that are the right way up mostly score above this, and those that are upside down below."""
MARGIN = 0.1
"""So much better must the turned face be."""


class Orientation:
    """Decides for each frame of a clip whether its picture is upside down. Not thread-safe.

    A face in any doubt is looked for in the turned picture too; the clip is turned for as long as more of its
    frames were better turned than not.
    """

    def __init__(self) -> None:
        self._detector: FaceDetector | None = None
        self.reset()

    def reset(self) -> None:
        """Begin the next clip."""
        self._votes = 0

    @property
    def is_turned(self) -> bool:
        """Whether frames are to be turned now."""
        return self._votes > 0

    def apply(self, image: Image) -> Image:
        """A picture (height, width, 3) the right way up."""
        return turned(image) if self.is_turned else image

    def observe(self, image: Image, score: float | None) -> bool:
        """Take note of a face.

        Args:
            image: (height, width, 3) as `apply` returned it.
            score: of the best face in it; None if there is none.

        Returns:
            Whether the clip is turned from now on and was not, or the reverse.
        """
        if score is not None and score >= SURE:
            return False
        before = self.is_turned
        self._detector = self._detector or FaceDetector()
        found = self._detector.detect(turned(image))
        other = found[0].score if found else 0.0
        if other < SURE or other < (score or 0.0) + MARGIN:
            return False
        self._votes += -1 if before else 1
        return self.is_turned != before


def turned(image: Image) -> Image:
    """A picture rotated by 180 degrees."""
    return np.ascontiguousarray(image[::-1, ::-1])
