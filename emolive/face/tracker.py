"""Which face, and where: the largest at first, then the same one for as long as it is there."""

from __future__ import annotations

from emolive.clock import to_ns
from emolive.face.detector import Detection, FaceDetector
from emolive.types import Box, Image

SEARCH = 2.0
"""A face is looked for again in a square this many times its size."""
SAME_FACE_IOU = 0.2
"""Less overlap with the last box means another face."""
GIVE_UP_S = 1.0
"""After so long without it, the followed face is gone and the largest one is chosen anew."""
SMOOTHING_S = 0.08
"""Time constant with which the box follows the detections."""


def intersection_over_union(a: Box, b: Box) -> float:
    """Overlap of two boxes, 0..1."""
    across = min(a.x_px + a.width_px, b.x_px + b.width_px) - max(a.x_px, b.x_px)
    down = min(a.y_px + a.height_px, b.y_px + b.height_px) - max(a.y_px, b.y_px)
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return shared / (a.area_px + b.area_px - shared)


def square_around(box: Box, times: float) -> Box:
    """The square with the box's centre and `times` its longer side."""
    side = times * max(box.width_px, box.height_px)
    x, y = box.center_px
    return Box(x - side / 2, y - side / 2, side, side)


def _blend(old: Box, new: Box, share: float) -> Box:
    return Box(
        old.x_px + share * (new.x_px - old.x_px),
        old.y_px + share * (new.y_px - old.y_px),
        old.width_px + share * (new.width_px - old.width_px),
        old.height_px + share * (new.height_px - old.height_px),
    )


class FaceTracker:
    """Follows one face from frame to frame. Not for two threads at once."""

    def __init__(self, detector: FaceDetector | None = None) -> None:
        self._detector = detector or FaceDetector()
        self.reset()

    def reset(self) -> None:
        """Forget the face, as at a new source."""
        self._box: Box | None = None
        self._seen_ns = 0

    def close(self) -> None:
        """Let go of the detector."""
        self._detector.close()

    def track(self, image: Image, t_ns: int) -> Detection | None:
        """The followed face in the next picture, its box smoothed; None if it is not there.

        Args:
            image: (height, width, 3) BGR.
            t_ns: when it was taken; must not run backwards between resets.
        """
        found = self._find(image, t_ns)
        if found is None:
            return None
        box = found.box_px
        if self._box is not None:
            elapsed = t_ns - self._seen_ns
            box = _blend(self._box, box, elapsed / (elapsed + to_ns(SMOOTHING_S)) if elapsed > 0 else 1.0)
        self._box, self._seen_ns = box, t_ns
        return Detection(box, found.score)

    def _find(self, image: Image, t_ns: int) -> Detection | None:
        last = self._box
        if last is not None and t_ns - self._seen_ns > to_ns(GIVE_UP_S):
            last = self._box = None
        if last is not None:
            near = self._same(self._detector.detect(image, square_around(last, SEARCH)), last)
            if near is not None:
                return near
        everywhere = self._detector.detect(image)
        if last is not None:
            return self._same(everywhere, last)
        return max(everywhere, key=lambda d: d.box_px.area_px, default=None)

    @staticmethod
    def _same(found: list[Detection], last: Box) -> Detection | None:
        best = max(found, key=lambda d: intersection_over_union(d.box_px, last), default=None)
        if best is None or intersection_over_union(best.box_px, last) < SAME_FACE_IOU:
            return None
        return best
