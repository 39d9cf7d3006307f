"""Face tracking: the largest face first, then the same one for as long as it is there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from emolive.clock import to_ns
from emolive.types import BoundingBox, FloatArray, Image
from emolive.vision.detector import Detection, FaceDetector
from emolive.vision.encoders.landmarks import STABLE_POINTS
from emolive.vision.landmarks import MAX_ROLL_DEG, eye_roll_deg
from emolive.vision.tile_search import TileSearch
from emolive.vision.upright import cut_upright

SEARCH_SCALE = 2.0
"""A tracked face is searched in a square this many times its size."""
SAME_FACE_IOU = 0.2
"""A lower overlap with the last box means another face."""
GIVE_UP_S = 1.0
"""After this long without the tracked face, the largest face is chosen anew."""
SMOOTHING_S = 0.08
"""Time constant with which the box follows the detections."""
DETECT_INTERVAL_S = 0.17
"""Time between detections of a nearly still face; in between its box follows its landmarks. At 15 frames
a second that is every third frame."""
STILL_SHARE = 0.03
"""A face whose landmarks moved by more than this share of the box's width since the last frame is not
still. It is detected in every frame, because the landmark predictor fails on a box that lags."""


SURE_SCORE = 0.8
"""A face that is detected with a lower score is also looked at upside down: upright faces score .9, and about
.7 when they are upside down and taken for upright."""
TURN_MARGIN = 0.1
"""By how much the other direction must score better."""
MIN_TURNED_SCORE = 0.7
"""Of a face upside down where none is found upright."""
UPRIGHT_PX = 512
"""A tilted face is set upright in a square of at most this side."""


class FaceTracker(Protocol):
    """Follows one face from frame to frame; registered in `emolive.plugins.FACE_TRACKERS`.

    A tracker belongs to one thread. Its results must depend on images and timestamps only, so that live
    and offline results are equal.
    """

    def track(self, image: Image, t_ns: int) -> Detection | None:
        """The tracked face in the next image, or None.

        Args:
            image: (height, width, 3) BGR.
            t_ns: capture time; must not decrease between resets.
        """

    def update_from_landmarks(self, points_px: FloatArray) -> None:
        """Take note of the landmarks (68, 2) that were found in the frame of the last `track`."""

    def reset(self) -> None:
        """Forget the face, as for a new source."""

    def close(self) -> None:
        """Release native resources; the tracker is not used again."""


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
    """Move and scale `box` as a face's points (n, 2) moved; a box does not rotate."""
    from_centre, to_centre = before.mean(axis=0), after.mean(axis=0)
    a, b = before - from_centre, after - to_centre
    size = float((a**2).sum())
    # The scale of the similarity transform; its rotation does not apply to a box.
    times = float(np.hypot((a * b).sum(), a[:, 0] @ b[:, 1] - a[:, 1] @ b[:, 0])) / size if size else 1.0
    x, y = (np.array(box.center_px) - from_centre) * times + to_centre
    width, height = box.width_px * times, box.height_px * times
    return BoundingBox(float(x) - width / 2, float(y) - height / 2, width, height)


_STABLE = list(STABLE_POINTS)


@dataclass(slots=True)
class _Keyframe:
    """The last detection, and the stable landmarks then and now."""

    detection: Detection
    t_ns: int
    first: FloatArray | None = None
    """(n, 2) stable points in the frame of the detection."""
    newest: FloatArray | None = None


class BlazeFaceTracker:
    """Detects with BlazeFace, and moves the box with the landmarks between detections. Not thread-safe.

    Args:
        detector: finds the faces of one image.
        detect_interval_s: time between detections of a still face; 0 detects in every frame.
    """

    def __init__(
        self, detector: FaceDetector | None = None, detect_interval_s: float = DETECT_INTERVAL_S
    ) -> None:
        self._detector = detector or FaceDetector()
        self._tiles = TileSearch(self._detector)
        self._detect_interval_ns = to_ns(detect_interval_s)
        self.reset()

    def reset(self) -> None:
        """Forget the face, as for a new source."""
        self._tiles.reset()
        self._box: BoundingBox | None = None
        self._tracked_ns = 0
        self._keyframe: _Keyframe | None = None
        self._last: FloatArray | None = None
        self._still = False
        self._roll_deg = 0.0
        self._upside_down = False
        """The camera hangs upside down, or the picture was saved so."""

    def close(self) -> None:
        """Release the detector."""
        self._detector.close()

    def track(self, image: Image, t_ns: int) -> Detection | None:
        """The tracked face with a smoothed box; see `FaceTracker.track`."""
        detection = self._propagate(t_ns)
        roll_deg = self._roll_deg
        if detection is None:
            detection = self._detect(image, t_ns)
            roll_deg = 0.0 if detection is None else detection.roll_deg
            self._keyframe = None if detection is None else _Keyframe(detection, t_ns)
        if detection is None:
            self._last, self._still = None, False
            return None
        box = detection.box_px
        if self._box is not None:
            elapsed = t_ns - self._tracked_ns
            box = _blend(self._box, box, elapsed / (elapsed + to_ns(SMOOTHING_S)) if elapsed > 0 else 1.0)
        self._box, self._tracked_ns = box, t_ns
        self._roll_deg = roll_deg
        return Detection(box, detection.score, roll_deg)

    def survey(self, image: Image) -> list[Detection]:
        """Every face in an image (height, width, 3) BGR; the tracked face stays the same."""
        return self._detector.detect(image)

    def follow(self, box_px: BoundingBox, t_ns: int) -> None:
        """Track the face that was in this box at `t_ns` from the next frame on."""
        self.reset()
        self._box, self._tracked_ns = box_px, t_ns

    def update_from_landmarks(self, points_px: FloatArray) -> None:
        """Take note of the landmarks (68, 2) of the last frame, which saves most detections."""
        keyframe = self._keyframe
        if keyframe is None or self._box is None:
            return
        self._roll_deg = eye_roll_deg(points_px)
        points, before = points_px[_STABLE], self._last
        self._last = points
        if keyframe.first is None:
            keyframe.first = points
        keyframe.newest = points
        self._still = before is not None and (
            float(np.linalg.norm(points - before, axis=1).mean()) <= STILL_SHARE * self._box.width_px
        )

    def _propagate(self, t_ns: int) -> Detection | None:
        """The last detection, moved with the landmarks; None if it is time to detect again."""
        keyframe = self._keyframe
        if keyframe is None or keyframe.first is None or keyframe.newest is None:
            return None
        if not self._still or t_ns - keyframe.t_ns >= self._detect_interval_ns:
            return None
        return Detection(
            propagate_box(keyframe.detection.box_px, keyframe.first, keyframe.newest),
            keyframe.detection.score,
        )

    def _detect(self, image: Image, t_ns: int) -> Detection | None:
        detection = self._find(image, t_ns)
        if detection is None or detection.score < SURE_SCORE:
            detection = self._turned(image, detection) or detection
        return (
            detection
            if detection is None or abs(detection.roll_deg) <= MAX_ROLL_DEG
            else self._upright(image, detection)
        )

    def _upright(self, image: Image, detection: Detection) -> Detection:
        """A tilted face with the box that it has upright.

        The detector's box of a tilted face is smaller, by a quarter at 45 degrees, and lies elsewhere on it,
        so that landmarks in it are biased: by .27 of the deviation within a person at 60 degrees, by .09 so.
        """
        side_px = SEARCH_SCALE * max(detection.box_px.width_px, detection.box_px.height_px)
        scale = min(1.0, UPRIGHT_PX / side_px)
        patch = cut_upright(image, detection.box_px.center_px, side_px, detection.roll_deg, scale)
        place = BoundingBox(0, 0, side_px * scale, side_px * scale)
        middle = square_around(place, 1 / SEARCH_SCALE)
        upright = self._same(self._detector.detect(patch.image), middle)
        if upright is None or abs(upright.roll_deg) > MAX_ROLL_DEG:
            return detection
        box = upright.box_px
        # Boxes count pixels by their borders.
        x, y = patch.to_picture(np.array([box.center_px]) - 0.5)[0] + 0.5
        width, height = box.width_px / scale, box.height_px / scale
        box = BoundingBox(float(x) - width / 2, float(y) - height / 2, width, height)
        roll_deg = math.remainder(detection.roll_deg + upright.roll_deg, 360)
        return Detection(box, detection.score, roll_deg)

    def _turned(self, image: Image, found: Detection | None) -> Detection | None:
        """The face in the other direction, if that is right; this direction is then kept."""
        near = None if found is None else square_around(found.box_px, SEARCH_SCALE)
        others = self._detector.detect(image, near, upside_down=not self._upside_down)
        if found is not None:
            other, least = self._same(others, found.box_px), found.score + TURN_MARGIN
        elif self._box is not None:
            other, least = self._same(others, self._box), MIN_TURNED_SCORE
        else:
            other, least = max(others, key=lambda d: d.box_px.area_px, default=None), MIN_TURNED_SCORE
        if other is None or other.score < least:
            return None
        self._upside_down = not self._upside_down
        return other

    def _find(self, image: Image, t_ns: int) -> Detection | None:
        """The tracked face, or the largest one, in the direction of the last one."""
        last = self._box
        if last is not None and t_ns - self._tracked_ns > to_ns(GIVE_UP_S):
            last = self._box = None
        if last is not None:
            region = square_around(last, SEARCH_SCALE)
            near = self._same(self._detector.detect(image, region, upside_down=self._upside_down), last)
            if near is not None:
                return near
        everywhere = self._detector.detect(image, upside_down=self._upside_down)
        if last is not None:
            return self._same(everywhere, last)
        return max(everywhere, key=lambda d: d.box_px.area_px, default=None) or self._tiles.search(image)

    @staticmethod
    def _same(detections: list[Detection], last: BoundingBox) -> Detection | None:
        best = max(detections, key=lambda d: intersection_over_union(d.box_px, last), default=None)
        if best is None or intersection_over_union(best.box_px, last) < SAME_FACE_IOU:
            return None
        return best
