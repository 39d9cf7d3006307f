"""Which face, and where: the largest at first, then the same one for as long as it is there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emolive.clock import to_ns
from emolive.types import BoundingBox, FloatArray, Image
from emolive.vision.detector import Detection, FaceDetector
from emolive.vision.geometry import RIGID

SEARCH = 2.0
"""A face is looked for again in a square this many times its size."""
SAME_FACE_IOU = 0.2
"""Less overlap with the last box means another face."""
GIVE_UP_S = 1.0
"""After so long without it, the followed face is gone and the largest one is chosen anew."""
SMOOTHING_S = 0.08
"""Time constant with which the box follows the detections."""
DETECT_S = 0.17
"""A face that is nearly still is detected so often; between, its box goes where its landmarks go. At 15
frames a second that is every third."""
STILL = 0.03
"""Landmarks that moved by a larger share of the box's width since the frame before are not nearly still:
the predictor goes wrong on a box that lags, so such a face is detected in every frame."""


def intersection_over_union(a: BoundingBox, b: BoundingBox) -> float:
    """Overlap of two boxes, 0..1."""
    across = min(a.x_px + a.width_px, b.x_px + b.width_px) - max(a.x_px, b.x_px)
    down = min(a.y_px + a.height_px, b.y_px + b.height_px) - max(a.y_px, b.y_px)
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return shared / (a.area_px + b.area_px - shared)


def square_around(box: BoundingBox, times: float) -> BoundingBox:
    """The square with the box's centre and `times` its longer side."""
    side = times * max(box.width_px, box.height_px)
    x, y = box.center_px
    return BoundingBox(x - side / 2, y - side / 2, side, side)


def _blend(old: BoundingBox, new: BoundingBox, share: float) -> BoundingBox:
    return BoundingBox(
        old.x_px + share * (new.x_px - old.x_px),
        old.y_px + share * (new.y_px - old.y_px),
        old.width_px + share * (new.width_px - old.width_px),
        old.height_px + share * (new.height_px - old.height_px),
    )


def propagate_box(box: BoundingBox, before: FloatArray, after: FloatArray) -> BoundingBox:
    """Move and scale `box` as a face's points (n, 2) went; square to them, since a box does not turn."""
    from_centre, to_centre = before.mean(axis=0), after.mean(axis=0)
    a, b = before - from_centre, after - to_centre
    size = float((a**2).sum())
    # Only how much larger the face became counts: its roll turns the points, not the box.
    times = float(np.hypot((a * b).sum(), a[:, 0] @ b[:, 1] - a[:, 1] @ b[:, 0])) / size if size else 1.0
    x, y = (np.array(box.center_px) - from_centre) * times + to_centre
    width, height = box.width_px * times, box.height_px * times
    return BoundingBox(float(x) - width / 2, float(y) - height / 2, width, height)


@dataclass(slots=True)
class _Keyframe:
    """The last detection, and where the landmarks have gone since."""

    found: Detection
    t_ns: int
    first: FloatArray | None = None
    """(n, 2) rigid points in the frame of the detection."""
    newest: FloatArray | None = None


class FaceTracker:
    """Follows one face from frame to frame. Not for two threads at once.

    Whoever measures landmarks says with `tell` where they are, which saves most of the detections.
    What is looked for when depends on stamps and pictures alone, so that live and offline agree.
    """

    def __init__(self, detector: FaceDetector | None = None) -> None:
        self._detector = detector or FaceDetector()
        self.reset()

    def reset(self) -> None:
        """Forget the face, as at a new source."""
        self._box: BoundingBox | None = None
        self._seen_ns = 0
        self._anchor: _Keyframe | None = None
        self._last: FloatArray | None = None
        self._still = False

    def close(self) -> None:
        """Let go of the detector."""
        self._detector.close()

    def track(self, image: Image, t_ns: int) -> Detection | None:
        """The followed face in the next picture, its box smoothed; None if it is not there.

        Args:
            image: (height, width, 3) BGR.
            t_ns: when it was taken; must not run backwards between resets.
        """
        found = self._propagate(t_ns)
        if found is None:
            found = self._detect(image, t_ns)
            self._anchor = None if found is None else _Keyframe(found, t_ns)
        if found is None:
            self._last, self._still = None, False
            return None
        box = found.box_px
        if self._box is not None:
            elapsed = t_ns - self._seen_ns
            box = _blend(self._box, box, elapsed / (elapsed + to_ns(SMOOTHING_S)) if elapsed > 0 else 1.0)
        self._box, self._seen_ns = box, t_ns
        return Detection(box, found.score)

    def update_from_landmarks(self, points_px: FloatArray) -> None:
        """Say where the 68 landmarks (68, 2) are in the frame that `track` found the face in last."""
        anchor = self._anchor
        if anchor is None or self._box is None:
            return
        points, before = points_px[list(RIGID)], self._last
        self._last = points
        if anchor.first is None:
            anchor.first = points
        anchor.newest = points
        self._still = before is not None and (
            float(np.linalg.norm(points - before, axis=1).mean()) <= STILL * self._box.width_px
        )

    def _propagate(self, t_ns: int) -> Detection | None:
        """The last detection, moved; None if it is time to look again."""
        anchor = self._anchor
        if anchor is None or anchor.first is None or anchor.newest is None:
            return None
        if not self._still or t_ns - anchor.t_ns >= to_ns(DETECT_S):
            return None
        return Detection(propagate_box(anchor.found.box_px, anchor.first, anchor.newest), anchor.found.score)

    def _detect(self, image: Image, t_ns: int) -> Detection | None:
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
    def _same(found: list[Detection], last: BoundingBox) -> Detection | None:
        best = max(found, key=lambda d: intersection_over_union(d.box_px, last), default=None)
        if best is None or intersection_over_union(best.box_px, last) < SAME_FACE_IOU:
            return None
        return best
