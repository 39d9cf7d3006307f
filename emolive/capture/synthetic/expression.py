"""Faces of the eight emotions: which muscles act, and how the features move.

Ekman & Friesen's Facial Action Coding System (FACS, 1978) names what single muscles do; EMFACS
lists which of them show an emotion. Intensities here run from 0 to 1. They crease the skin, and move the
features in part; for the rest the features move as measured on recordings, see `facts`.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from emolive.capture.synthetic import controls, facts
from emolive.capture.synthetic.emotion_timeline import EMOTIONS

MUSCLE_SHARE = 0.3
"""Of `EXPRESSIONS` that moves the features beside the measured motion."""
_COURSE_STEP_S = 0.4
_WEAKEST, _STRONGEST = 0.7, 1.25
"""Limits of the course, so that each emotion can be seen all the time."""
# The ends of a clip, in which the actors get ready, are left out; forth and back, so that nothing jumps.
_COURSE = np.clip(facts.COURSE[:, 1:-1], _WEAKEST, _STRONGEST)
_COURSE = np.concatenate([_COURSE, _COURSE[:, -2:0:-1]], axis=1)


@dataclass(frozen=True, slots=True)
class ActionUnits:
    """Intensity of each action unit, 0..1; `gaze_down` is ours and may be negative."""

    inner_brow_raiser: float = 0.0
    """AU 1."""
    outer_brow_raiser: float = 0.0
    """AU 2."""
    brow_lowerer: float = 0.0
    """AU 4: down and together."""
    upper_lid_raiser: float = 0.0
    """AU 5."""
    cheek_raiser: float = 0.0
    """AU 6."""
    lid_tightener: float = 0.0
    """AU 7."""
    nose_wrinkler: float = 0.0
    """AU 9."""
    upper_lip_raiser: float = 0.0
    """AU 10."""
    lip_corner_puller: float = 0.0
    """AU 12: the smile."""
    lip_corner_depressor: float = 0.0
    """AU 15."""
    chin_raiser: float = 0.0
    """AU 17: pushes the lower lip up."""
    lip_stretcher: float = 0.0
    """AU 20: mouth drawn wide."""
    lip_presser: float = 0.0
    """AU 23 and 24: thin, tight lips."""
    lips_part: float = 0.0
    """AU 25."""
    jaw_drop: float = 0.0
    """AU 26."""
    eyes_closed: float = 0.0
    """AU 43 and 45: drooping lids and the blink."""
    lip_pucker: float = 0.0
    """AU 18, from the vowel that is spoken."""
    gaze_down: float = 0.0

    def scaled(self, share: float) -> ActionUnits:
        """The same muscles at a share of their intensity."""
        return ActionUnits(*(share * value for value in astuple(self)))


EXPRESSIONS: dict[str, ActionUnits] = {
    "neutral": ActionUnits(),
    "calm": ActionUnits(lip_corner_puller=0.28, eyes_closed=0.16, cheek_raiser=0.15),
    "happy": ActionUnits(
        cheek_raiser=0.8, lip_corner_puller=1.0, lips_part=0.95, lid_tightener=0.2, outer_brow_raiser=0.15
    ),
    "sad": ActionUnits(
        inner_brow_raiser=0.95,
        brow_lowerer=0.3,
        lip_corner_depressor=0.9,
        chin_raiser=0.55,
        eyes_closed=0.26,
        gaze_down=0.5,
    ),
    "angry": ActionUnits(
        brow_lowerer=1.0,
        upper_lid_raiser=0.55,
        lid_tightener=0.75,
        lip_presser=0.75,
        nose_wrinkler=0.2,
        lip_corner_depressor=0.3,
        chin_raiser=0.2,
    ),
    "fearful": ActionUnits(
        inner_brow_raiser=0.95,
        outer_brow_raiser=0.45,
        brow_lowerer=0.45,
        upper_lid_raiser=0.85,
        lid_tightener=0.3,
        lip_stretcher=0.95,
        lips_part=0.5,
        jaw_drop=0.22,
    ),
    "disgust": ActionUnits(
        nose_wrinkler=1.0,
        upper_lip_raiser=0.85,
        brow_lowerer=0.55,
        lid_tightener=0.55,
        cheek_raiser=0.3,
        lip_corner_depressor=0.6,
        chin_raiser=0.5,
        eyes_closed=0.12,
    ),
    "surprised": ActionUnits(
        inner_brow_raiser=0.75,
        outer_brow_raiser=0.75,
        upper_lid_raiser=1.0,
        lips_part=0.4,
        jaw_drop=0.7,
        lip_pucker=0.2,
    ),
}

_TABLE = np.array([astuple(EXPRESSIONS[emotion]) for emotion in EMOTIONS])


def blend(weights: NDArray[np.float64]) -> ActionUnits:
    """The face between expressions; `weights` (8,) in the order of `EMOTIONS`."""
    return ActionUnits(*(float(value) for value in weights @ _TABLE))


def motion_at(weights: NDArray[np.float64], t_s: float) -> NDArray[np.float64]:
    """Shift of the 68 landmarks (68, 2) in units at `t_s`, stronger and weaker as in the recordings.

    Args:
        weights: (8,) in the order of `EMOTIONS`.
        t_s: time.
    """
    steps = _COURSE.shape[1]
    at = (t_s / _COURSE_STEP_S) % steps
    before, share = int(at), at % 1.0
    strength = _COURSE[:, before] * (1 - share) + _COURSE[:, (before + 1) % steps] * share
    shift: NDArray[np.float64] = np.tensordot(weights * strength, controls.MOTION, 1)
    return shift
