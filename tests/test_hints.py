"""Hints about the quality of face and voice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from emolive.clock import to_ns
from emolive.hints import (
    HINTS,
    MAX_YAW_DEG,
    MIN_LIGHT,
    MIN_SIZE_PX,
    NOISE_DBFS,
    QUALITY_DIM,
    Hint,
    common_hints,
    face_hints,
    quality_vector,
    recent_quality,
    voice_hint,
    window_hints,
)
from emolive.session.status import HINT_TEXTS, stream_statuses
from emolive.time_series import FeatureTrack, Waveform
from emolive.types import FaceQuality
from emolive.windowing import FeatureWindow

GOOD = FaceQuality(size_px=200, light=0.5, sharpness=0.3, roll_deg=0, yaw_deg=0)
FAULTS: dict[Hint, dict[str, float]] = {
    "far": {"size_px": MIN_SIZE_PX - 1},
    "dark": {"light": MIN_LIGHT - 0.01},
    "covered": {"covered": 0.9},
    "turned": {"yaw_deg": -MAX_YAW_DEG - 1},
    "blurred": {"sharpness": 0.01},
}
FACE = np.ones(15, np.bool_)
NOBODY = np.zeros(15, np.bool_)
END_NS = to_ns(3.6)
RATE_HZ = 8000


def track(*qualities: tuple[float, FaceQuality]) -> FeatureTrack:
    """A track of (seconds, quality)."""
    found = FeatureTrack.empty(QUALITY_DIM)
    for t_s, quality in qualities:
        found.append(to_ns(t_s), quality_vector(quality))
    return found


def sound(dbfs: float) -> Waveform:
    noise = np.random.default_rng(1).standard_normal(round(3.6 * RATE_HZ))
    return Waveform(noise * 10 ** (dbfs / 20), RATE_HZ)


@pytest.mark.parametrize("hint", FAULTS)
def test_each_problem_of_a_face_has_its_hint(hint: Hint):
    assert face_hints(replace(GOOD, **FAULTS[hint])) == (hint,)


def test_all_problems_are_named_with_the_gravest_first():
    assert face_hints(replace(GOOD, size_px=10, light=0.0)) == ("far", "dark")


def test_what_is_well_or_not_measured_is_no_problem():
    assert face_hints(GOOD) == face_hints(replace(GOOD, roll_deg=90.0)) == face_hints(None) == ()
    assert voice_hint(None, has_voice=False) is None


def test_sound_that_is_no_speech_is_named():
    assert voice_hint(NOISE_DBFS + 1, has_voice=False) == "no_speech"
    assert voice_hint(NOISE_DBFS + 1, has_voice=True) is None
    assert voice_hint(NOISE_DBFS - 1, has_voice=False) is None


def hints_of(**parts) -> tuple[Hint, ...]:
    given = {"face_present": FACE, "qualities": None, "audio": None, "has_voice": True}
    return window_hints(END_NS, **given | parts)


def test_a_window_has_hints_of_face_and_sound():
    dark = track((3.5, replace(GOOD, light=0.0)))
    assert hints_of() == hints_of(face_present=None) == ()
    assert hints_of(qualities=dark) == ("dark",)
    assert hints_of(qualities=dark, audio=sound(-20), has_voice=False) == ("dark", "no_speech")
    assert hints_of(audio=sound(-80), has_voice=False) == ()
    assert hints_of(audio=Waveform((), RATE_HZ), has_voice=False) == ()


def test_without_a_face_in_the_newest_bins_its_quality_is_no_matter():
    dark = track((0.1, replace(GOOD, light=0.0)))
    gone = FACE.copy()
    gone[-3:] = False
    assert hints_of(face_present=gone, qualities=dark) == ("no_face",)
    assert hints_of(face_present=NOBODY) == ("no_face",)


def test_one_odd_frame_is_no_hint_and_what_is_past_is_none():
    odd = track(*((2.7 + i / 10, replace(GOOD, light=0.0 if i == 4 else 0.5)) for i in range(9)))
    assert hints_of(qualities=odd) == ()
    past = track((1.0, replace(GOOD, light=0.0)), (3.0, GOOD), (3.3, GOOD))
    assert hints_of(qualities=past) == ()
    later = track((3.5, GOOD), (3.7, replace(GOOD, light=0.0)))
    assert hints_of(qualities=later) == ()


def test_a_rare_picture_is_judged_until_the_next_one():
    rare = track((1.5, replace(GOOD, size_px=20)))
    assert hints_of(qualities=rare) == ("far",)
    assert recent_quality(rare, to_ns(10)) is None


def test_a_quality_is_stored_and_read_as_it_was():
    quality = FaceQuality(200.0, 0.5, 0.25, -3.0, 7.0)
    assert recent_quality(track((3.5, quality)), END_NS) == quality


def test_a_file_has_the_hints_of_half_of_its_estimates():
    assert common_hints(Counter({"no_speech": 9, "far": 5, "dark": 4}), 10) == ("far", "no_speech")


def test_every_hint_has_a_sentence_and_an_identifier():
    assert set(HINT_TEXTS) == set(HINTS) == set(get_args(Hint))
    assert all(text.endswith(".") for text in HINT_TEXTS.values())
    assert all(hint.isidentifier() for hint in HINTS)


@pytest.mark.parametrize("hint", HINTS)
def test_the_badge_says_what_the_row_says(hint: Hint):
    present = NOBODY if hint == "no_face" else FACE
    silent = np.zeros(30, np.bool_)
    window = FeatureWindow(
        END_NS, np.zeros((15, 2)), present, np.zeros((30, 2)), ~silent, silent, hints=(hint,)
    )
    statuses = stream_statuses(window, 3.6, has_video=True, has_audio=True)
    assert HINT_TEXTS[hint] in [status.text for status in statuses]
