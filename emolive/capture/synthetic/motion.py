"""Motion of the face besides its expression: sway, blinks, gaze, speech."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from emolive.capture.synthetic.expression import ActionUnits

_BLINK_SLOT_S = 3.6
_BLINK_S = 0.26
_GAZE_SLOT_S = 1.7


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the head is, as small offsets from the middle of the picture."""

    x_px: float = 0.0
    y_px: float = 0.0
    roll_rad: float = 0.0
    """Positive tilts the head clockwise on screen."""
    yaw: float = 0.0
    """Turn to the right of the screen, as the shift of the nose in pixels."""
    pitch: float = 0.0
    """Nod, as the shift of the nose in pixels; positive is down."""
    gaze_x: float = 0.0
    """-1..1, positive to the right of the screen."""


class IdleMotion:
    """Repeatable motion from a seed: the same at the same time, in any order."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._phases = np.random.default_rng([seed, 1]).uniform(0, 2 * np.pi, (5, 3))

    def pose(self, t_s: float) -> Pose:
        """The head at `t_s`: a slow sway of a few pixels, and a glance now and then."""
        speeds = np.array(
            [[0.61, 1.13, 2.1], [0.47, 0.93, 1.9], [0.53, 1.01, 1.7], [0.39, 0.83, 1.6], [0.5, 1.1, 2.3]]
        )
        sway = (np.sin(speeds * t_s + self._phases) * np.array([1.0, 0.6, 0.25])).sum(axis=1)
        x, y, roll, yaw, pitch = (float(value) for value in sway)
        slot = int(t_s // _GAZE_SLOT_S)
        glance = np.random.default_rng([self._seed, 2, slot]).normal()
        return Pose(
            x_px=2.6 * x,
            y_px=1.5 * y,
            roll_rad=0.016 * roll,
            yaw=3.0 * yaw,
            pitch=1.8 * pitch,
            gaze_x=float(np.clip(glance * 0.3 - yaw * 0.1, -0.7, 0.7)),
        )

    def blink(self, t_s: float) -> float:
        """How far the lids are closed by a blink, 0..1."""
        slot = int(t_s // _BLINK_SLOT_S)
        start = slot * _BLINK_SLOT_S + np.random.default_rng([self._seed, 3, slot]).uniform(
            0.2, _BLINK_SLOT_S - _BLINK_S - 0.2
        )
        x = (t_s - float(start)) / _BLINK_S
        return float(np.sin(np.pi * x) ** 2) if 0.0 < x < 1.0 else 0.0


def apply_speech(units: ActionUnits, opening: float, pucker: float, blink: float) -> ActionUnits:
    """The expression while it speaks (`opening` 0..1 of the voice) and blinks."""
    return replace(
        units,
        jaw_drop=units.jaw_drop + (1.0 - 0.45 * units.jaw_drop) * 0.42 * opening,
        lips_part=units.lips_part + (1.0 - units.lips_part) * 0.75 * opening,
        lip_presser=units.lip_presser * (1.0 - 0.75 * opening),
        chin_raiser=units.chin_raiser * (1.0 - 0.5 * opening),
        lip_pucker=min(1.0, units.lip_pucker + 0.5 * pucker * opening),
        eyes_closed=max(units.eyes_closed, blink),
    )
