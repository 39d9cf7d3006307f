"""Whether the lips of the followed face move, and whether it is alone in the picture."""

from __future__ import annotations

import threading
from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from emolive.clock import to_s
from emolive.types import FaceObservation

INNER_LIPS = ((61, 67), (62, 66), (63, 65))
"""Pairs of landmarks (upper, lower) of the inner contour, in the 68-point scheme."""
EYE_CORNERS = (36, 45)
N_LANDMARKS = 68
SPEAKING_PER_S = 0.18
"""How far lips move in a second of speech, in distances between the outer eye corners. In clips of acted
speech (RAVDESS, landmarks at 15 a second) 95 % of the speech and 15 % of the silence before it lie above."""
MAX_STEP_S = 0.25
"""Between frames that are further apart lips count as not seen."""


def mouth_opening(points_px: NDArray[np.floating]) -> float:
    """Height of the mouth's opening, in distances between the outer eye corners; NaN if that is none.

    Args:
        points_px: (68, 2) landmarks.
    """
    points = np.asarray(points_px, np.float64)
    eyes = float(np.linalg.norm(points[EYE_CORNERS[0]] - points[EYE_CORNERS[1]]))
    if eyes <= 0:
        return float("nan")
    gaps = [np.linalg.norm(points[upper] - points[lower]) for upper, lower in INNER_LIPS]
    return float(np.mean(gaps)) / eyes


class LipTrack:
    """The mouth of the followed face over time. One thread adds; any thread reads.

    Args:
        keep: how many observations are kept; None for all.
    """

    def __init__(self, keep: int | None = None) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._times_ns: list[int] = []
        self._openings: list[float] = []
        self._several: list[bool] = []

    def add(self, observation: FaceObservation) -> None:
        """Add what was seen in the next frame."""
        face = observation.face
        points = None if face is None else face.points_px
        opening = mouth_opening(points) if points is not None and len(points) == N_LANDMARKS else float("nan")
        with self._lock:
            self._times_ns.append(observation.t_ns)
            self._openings.append(opening)
            self._several.append(bool(observation.others))
            if self._keep is not None and len(self._times_ns) > 2 * self._keep:
                for values in (self._times_ns, self._openings, self._several):
                    del values[: -self._keep]

    def break_off(self) -> None:
        """Another face is followed from now on: what its lips do is not yet known."""
        with self._lock:
            self._openings = [float("nan")] * len(self._openings)

    def is_alone(self, start_ns: int, end_ns: int) -> bool:
        """Whether no other face was seen between two times."""
        with self._lock:
            first, last = self._range(start_ns, end_ns)
            return not any(self._several[first:last])

    def speaks(self, start_ns: int, end_ns: int) -> bool:
        """Whether the lips moved as in speech between two times; False where they were not seen."""
        with self._lock:
            first, last = self._range(start_ns, end_ns)
            times = np.array(self._times_ns[first:last], np.int64)
            openings = np.array(self._openings[first:last])
        steps_s, moved = np.diff(times) / 1e9, np.abs(np.diff(openings))
        seen = np.isfinite(moved) & (steps_s <= MAX_STEP_S)
        seen_s = float(steps_s[seen].sum())
        return seen_s >= to_s(end_ns - start_ns) / 3 and float(moved[seen].sum()) >= SPEAKING_PER_S * seen_s

    def _range(self, start_ns: int, end_ns: int) -> tuple[int, int]:
        return bisect_left(self._times_ns, start_ns), bisect_left(self._times_ns, end_ns)
