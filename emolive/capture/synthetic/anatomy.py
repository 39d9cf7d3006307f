"""Where brows, lids and lips lie for given action units.

Points are (n, 2) in units of the distance between the outer corners of the eyes, x to the right of
the screen, y down, from the middle between these corners. Proportions are those of an average adult.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from emolive.capture.synthetic.expression import ActionUnits

Points = NDArray[np.float64]

_BROW = np.array([(-0.705, -0.105), (-0.605, -0.188), (-0.455, -0.222), (-0.300, -0.208), (-0.152, -0.168)])
_BROW_HALF_WIDTH = np.array([0.005, 0.019, 0.029, 0.034, 0.022])
# Shift of the five points, outer to inner, of each unit at full strength: (x, y).
_BROW_UP_INNER = np.array([(0.0, 0.012), (0.0, 0.004), (0.0, -0.018), (0.01, -0.048), (0.02, -0.072)])
_BROW_UP_OUTER = np.array([(-0.01, -0.035), (-0.005, -0.048), (0.0, -0.050), (0.0, -0.030), (0.0, -0.010)])
_BROW_DOWN = np.array([(0.0, -0.015), (0.01, 0.008), (0.02, 0.038), (0.03, 0.070), (0.042, 0.095)])
_BROW_NOSE = np.array([(0.0, 0.0), (0.0, 0.01), (0.0, 0.02), (0.0, 0.035), (0.0, 0.05)])

EYE_OUTER = np.array([-0.500, 0.002])
EYE_INNER = np.array([-0.208, 0.014])
IRIS_RADIUS = 0.067

STILL: Points = np.zeros((68, 2))
"""No motion of the 68 iBUG landmarks; motion is in units and symmetric."""


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye; the curves run from the outer to the inner corner."""

    upper: Points
    lower: Points
    crease: Points
    iris: Points
    """(2,) its middle."""


@dataclass(frozen=True, slots=True)
class Mouth:
    """Lip contours from the left to the right corner on the screen."""

    upper_outer: Points
    upper_inner: Points
    lower_inner: Points
    lower_outer: Points
    gap: float
    """Height of the opening in the middle."""


def mirror(points: Points) -> Points:
    """The same on the other half of the face, in the same order."""
    turned: Points = points * np.array([-1.0, 1.0])
    return turned


def moved(points: Points, x: float, y: float) -> Points:
    """Shifted."""
    shifted: Points = points + np.array([x, y])
    return shifted


def smooth(points: Points, n: int = 9) -> Points:
    """A Catmull-Rom curve through `points`, `n` steps between two of them."""
    curve: Points = _catmull_rom(len(points), n) @ points
    return curve


@lru_cache(maxsize=32)
def _catmull_rom(count: int, n: int) -> NDArray[np.float64]:
    """(steps, count) weights of the points."""
    t = np.linspace(0, 1, n, endpoint=False)
    basis = 0.5 * np.stack(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3], axis=1
    )
    weights = np.zeros(((count - 1) * n + 1, count))
    for span in range(count - 1):
        rows = slice(span * n, (span + 1) * n)
        for column, offset in enumerate((-1, 0, 1, 2)):
            point = span + offset
            if point < 0:
                weights[rows, 0] += 2 * basis[:, column]
                weights[rows, 1] -= basis[:, column]
            elif point >= count:
                weights[rows, count - 1] += 2 * basis[:, column]
                weights[rows, count - 2] -= basis[:, column]
            else:
                weights[rows, point] += basis[:, column]
    weights[-1, count - 1] = 1.0
    return weights


def brow(units: ActionUnits, motion: Points = STILL) -> tuple[Points, NDArray[np.float64]]:
    """The spine of the brow on the left of the screen, outer to inner, and its half width there."""
    points = (
        _BROW
        + units.inner_brow_raiser * _BROW_UP_INNER
        + units.outer_brow_raiser * _BROW_UP_OUTER
        + units.brow_lowerer * _BROW_DOWN
        + units.nose_wrinkler * _BROW_NOSE
        + motion[17:22]
    )
    return smooth(points, 6), _catmull_rom(5, 6) @ _BROW_HALF_WIDTH


def eye(units: ActionUnits, gaze_x: float, motion: Points = STILL) -> Eye:
    """The eye on the left of the screen; `gaze_x` -1..1 towards the nose."""
    raised = 0.069 + 0.050 * units.upper_lid_raiser
    upper = raised - 0.016 * units.lid_tightener - 0.014 * units.cheek_raiser
    lower = max(
        0.047 + 0.006 * units.upper_lid_raiser - 0.022 * units.lid_tightener - 0.024 * units.cheek_raiser,
        0.006,
    )
    upper += (-0.8 * lower - upper) * units.eyes_closed
    # A sad brow lifts the inner part of the lid, an angry one presses it down.
    peak = 0.48 + 0.12 * units.inner_brow_raiser - 0.10 * units.brow_lowerer
    s = np.linspace(0, 1, 19)
    line = EYE_OUTER + s[:, None] * (EYE_INNER - EYE_OUTER)
    arch = np.sin(np.pi * s ** (np.log(0.5) / np.log(peak))) ** 0.85
    bowl = np.sin(np.pi * s**1.1) ** 0.9
    down = np.array([0.0, 1.0])
    lid = line - (upper * arch)[:, None] * down
    fold = 0.040 + 0.012 * units.eyes_closed - 0.014 * units.brow_lowerer - 0.008 * units.upper_lid_raiser
    crease = line - ((max(upper, 0.03) + fold) * np.sin(np.pi * (0.06 + 0.88 * s)) ** 0.7)[:, None] * down
    middle = (EYE_OUTER + EYE_INNER) / 2
    iris = middle + np.array([0.012 + 0.035 * gaze_x, -0.022 + 0.022 * units.gaze_down])
    # Closed lids stay closed.
    open_share = 1.0 - units.eyes_closed
    lid_motion = open_share * smooth(motion[[36, 37, 38, 39]], 6)
    lower_motion = open_share * smooth(motion[[36, 41, 40, 39]], 6)
    iris = iris + 0.5 * open_share * motion[36:42].mean(axis=0)
    return Eye(
        lid + lid_motion, line + (lower * bowl)[:, None] * down + lower_motion, crease + lid_motion, iris
    )


def mouth(units: ActionUnits, motion: Points = STILL) -> Mouth:
    """The lips."""
    smile, stretch, pucker = units.lip_corner_puller, units.lip_stretcher, units.lip_pucker
    press, jaw, part = units.lip_presser, units.jaw_drop, units.lips_part
    corner_x = 0.285 + 0.075 * smile + 0.06 * stretch - 0.085 * pucker - 0.02 * press - 0.03 * jaw
    corner_y = (
        0.785
        - 0.105 * smile
        + 0.062 * units.lip_corner_depressor
        + 0.025 * stretch
        + 0.055 * jaw
        - 0.012 * units.upper_lip_raiser
    )
    wide = corner_x / 0.285

    raise_ = 0.055 * units.upper_lip_raiser + 0.015 * units.nose_wrinkler + 0.014 * part + 0.018 * smile
    top = 0.026 * press + 0.006 * smile - raise_
    inner_top = 0.785 - 0.75 * raise_ - 0.010 * part - 0.02 * units.chin_raiser
    gap = max(0.0, 0.055 * part + 0.20 * jaw + 0.012 * units.upper_lip_raiser)
    inner_bottom = inner_top + 0.004 + gap
    thick = 0.136 - 0.04 * press - 0.03 * smile - 0.025 * stretch + 0.012 * pucker - 0.02 * jaw
    bottom = inner_bottom + thick - 0.012 * units.chin_raiser

    # With the corners drawn up or down the line between the lips bends towards them.
    bend = 0.30 * (corner_y - inner_top)
    hang = (0.40 - 0.18 * jaw) * (corner_y - inner_bottom)
    upper_outer = _across(
        [(-corner_x, corner_y), (-0.185 * wide, 0.728 + top + 0.55 * bend), (-0.074 * wide, 0.684 + top)],
        (0.0, 0.700 + top),
    )
    upper_inner = _across(
        [
            (-corner_x * 0.97, corner_y + 0.002),
            (-0.16 * wide, inner_top + bend),
            (-0.07 * wide, inner_top + 0.12 * bend),
        ],
        (0.0, inner_top + 0.006),
    )
    lower_inner = _across(
        [
            (-corner_x * 0.97, corner_y + 0.004),
            (-0.17 * wide, inner_bottom + hang),
            (-0.08 * wide, inner_bottom + 0.1 * hang),
        ],
        (0.0, inner_bottom + 0.002),
    )
    lower_outer = _across(
        [
            (-corner_x, corner_y),
            (-0.19 * wide, bottom - 0.052 + 0.6 * hang),
            (-0.09 * wide, bottom - 0.010 + 0.1 * hang),
        ],
        (0.0, bottom),
    )
    upper_outer = upper_outer + smooth(motion[48:55], 7)
    lower_outer = lower_outer + smooth(motion[[48, 59, 58, 57, 56, 55, 54]], 7)
    upper_inner = upper_inner + smooth(_inner(motion, 61, 62, 63), 7)
    lower_inner = lower_inner + smooth(_inner(motion, 67, 66, 65), 7)
    # Lips that meet do not pass through each other.
    lower_inner[:, 1] = np.maximum(lower_inner[:, 1], upper_inner[:, 1] + 0.002)
    middle = len(upper_inner) // 2
    gap = float(lower_inner[middle, 1] - upper_inner[middle, 1]) - 0.004
    return Mouth(upper_outer, upper_inner, lower_inner, lower_outer, gap)


def _inner(motion: Points, left: int, middle: int, right: int) -> Points:
    """Of the seven control points along the inside of a lip, from five landmarks."""
    ends = motion[60], motion[64]
    between = (ends[0] + motion[left]) / 2, (ends[1] + motion[right]) / 2
    return np.stack([ends[0], between[0], motion[left], motion[middle], motion[right], between[1], ends[1]])


def _across(half: list[tuple[float, float]], middle: tuple[float, float]) -> Points:
    left = np.array(half)
    return smooth(np.concatenate([left, [middle], mirror(left)[::-1]]), 7)
