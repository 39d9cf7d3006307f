"""A plug-in that adds a face tracker: one class in one file.

    python examples/plugin_face_tracker.py

This one assumes a face in the middle of the image and detects nothing, which is enough for a photo booth
and costs no time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emolive.plugins import FACE_TRACKERS
from emolive.types import BoundingBox
from emolive.vision.detector import Detection


@FACE_TRACKERS.register("centre", title="the middle of the image")
class CentreTracker:
    """Returns a square in the middle of the image that holds half of its height.

    The square follows the landmarks of the last frame, if there were any.
    """

    def __init__(self) -> None:
        self._centre: tuple[float, float] | None = None

    def track(self, image: NDArray[np.uint8], t_ns: int) -> Detection | None:
        """The face in (height, width, 3) BGR; None for a black image."""
        if not image.any():
            return None
        height, width = image.shape[:2]
        x, y = self._centre or (width / 2, height / 2)
        side = height / 2
        return Detection(BoundingBox(x - side / 2, y - side / 2, side, side), score=1.0)

    def update_from_landmarks(self, points_px: NDArray[np.float32]) -> None:
        """Centre the square on the landmarks (68, 2)."""
        x, y = points_px.mean(axis=0)
        self._centre = float(x), float(y)

    def reset(self) -> None:
        """Return to the middle."""
        self._centre = None

    def close(self) -> None:
        """Nothing to release."""


def main() -> None:
    """Find the landmarks of the drawn demo's face with this tracker."""
    from emolive.capture.synthetic import SyntheticScene
    from emolive.types import Frame
    from emolive.vision.encoders.landmarks import LandmarkEncoder
    from emolive.vision.face_pipeline import FacePipeline, create_tracker

    pipeline = FacePipeline((LandmarkEncoder(),), create_tracker("centre"))
    face = pipeline.process(Frame(0, SyntheticScene().picture(1.0), 0)).face
    pipeline.close()
    assert face is not None
    assert face.points_px is not None
    print("the tip of the nose is at x = {:.0f}, y = {:.0f}".format(*face.points_px[30]))  # noqa: T201


if __name__ == "__main__":
    main()
