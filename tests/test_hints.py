"""Hints about the quality of face and voice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emolive.hints import HINTS, MAX_YAW_DEG, MIN_LIGHT, MIN_SIZE_PX, NOISE_DBFS, face_hint, voice_hint
from emolive.session.status import HINT_TEXTS
from emolive.types import FaceQuality

GOOD = FaceQuality(size_px=200, light=0.5, sharpness=0.3, roll_deg=0, yaw_deg=0)


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({}, None),
        ({"size_px": MIN_SIZE_PX - 1}, "far"),
        ({"light": MIN_LIGHT - 0.01}, "dark"),
        ({"yaw_deg": -MAX_YAW_DEG - 1}, "turned"),
        ({"sharpness": 0.01}, "blurred"),
        ({"roll_deg": 90.0}, None),
        ({"size_px": 10, "light": 0.0}, "far"),
    ],
)
def test_the_gravest_problem_of_a_face_is_named(change: dict[str, float], hint: str | None):
    assert face_hint(replace(GOOD, **change)) == hint


def test_nothing_measured_is_no_problem():
    assert face_hint(None) is None
    assert voice_hint(None, has_voice=False) is None


def test_sound_that_is_no_speech_is_named():
    assert voice_hint(NOISE_DBFS + 1, has_voice=False) == "no speech"
    assert voice_hint(NOISE_DBFS + 1, has_voice=True) is None
    assert voice_hint(NOISE_DBFS - 1, has_voice=False) is None


def test_every_hint_has_a_sentence():
    assert set(HINT_TEXTS) == set(HINTS)
    assert all(text.endswith(".") for text in HINT_TEXTS.values())
