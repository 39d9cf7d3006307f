"""What keeps a face or a voice from being read well, measured frame by frame."""

from __future__ import annotations

from typing import Literal, get_args

from emolive.types import FaceQuality

Hint = Literal["far", "dark", "turned", "blurred", "no speech"]
HINTS: tuple[Hint, ...] = get_args(Hint)

MIN_SIZE_PX = 60.0
"""Below this the landmarks are too coarse for an expression."""
MIN_LIGHT = 0.12
"""Mean luma of the face; below this noise covers the expression even after the light is evened."""
MAX_YAW_DEG = 35.0
"""Farther to the side, half of the face is hidden."""
MIN_SHARPNESS = 0.08
NOISE_DBFS = -50.0
"""Sound above this level without speech is worth a word."""


def face_hint(quality: FaceQuality | None) -> Hint | None:
    """The gravest problem of a face; None if it can be seen well, or if nothing was measured."""
    if quality is None:
        return None
    if quality.size_px < MIN_SIZE_PX:
        return "far"
    if quality.light < MIN_LIGHT:
        return "dark"
    if abs(quality.yaw_deg) > MAX_YAW_DEG:
        return "turned"
    if quality.sharpness < MIN_SHARPNESS:
        return "blurred"
    return None


def voice_hint(level_dbfs: float | None, *, has_voice: bool) -> Hint | None:
    """ "no speech" where there is sound that is no speech, such as music, noise or hum."""
    return "no speech" if not has_voice and level_dbfs is not None and level_dbfs > NOISE_DBFS else None
