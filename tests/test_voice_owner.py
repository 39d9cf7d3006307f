"""The voice of a window belongs to the read face, or to nobody."""

from __future__ import annotations

import numpy as np
import pytest

from emolive.clock import to_ns
from emolive.types import BoundingBox, Face, FaceObservation
from emolive.vision.lips import LipTrack, mouth_opening
from emolive.voice_owner import without_others_voice
from emolive.windowing import FeatureWindow

BOX = BoundingBox(0, 0, 100, 100)
N_BINS, BIN_S, N_FRAMES = 15, 0.24, 45
END_S = 10.0
START_S = END_S - N_BINS * BIN_S


def points(opening: float) -> np.ndarray:
    """Landmarks of a mouth that is open by so many distances between the eyes."""
    result = np.zeros((68, 2))
    result[36], result[45] = (0, 0), (100, 0)
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        result[upper], result[lower] = (50, 60), (50, 60 + 100 * opening)
    return result


def seen(t_s: float, opening: float | None, *, others: bool = True) -> FaceObservation:
    face = None if opening is None else Face(BOX, 0.9, points(opening))
    return FaceObservation(to_ns(t_s), face, None, others=(BOX,) if others else ())


def track(*, speaks_from_s: float, until_s: float = END_S, others: bool = True) -> LipTrack:
    """15 frames a second; the mouth opens and closes in a stretch of time."""
    lips = LipTrack()
    for index in range(int(END_S * 15)):
        t_s = index / 15
        moving = speaks_from_s <= t_s < until_s
        lips.add(seen(t_s, 0.05 + (0.06 * (index % 3) if moving else 0.0), others=others))
    return lips


def window(speech: bool = True) -> FeatureWindow:
    flags = np.full(N_FRAMES, speech)
    return FeatureWindow(
        to_ns(END_S),
        np.ones((N_BINS, 4), np.float32),
        np.ones(N_BINS, np.bool_),
        np.ones((N_FRAMES, 8), np.float32),
        np.ones(N_FRAMES, np.bool_),
        flags,
    )


def test_the_opening_of_a_mouth_is_relative_to_the_face() -> None:
    assert mouth_opening(points(0.2)) == pytest.approx(0.2)
    assert mouth_opening(3 * points(0.2)) == pytest.approx(0.2)
    assert np.isnan(mouth_opening(np.zeros((68, 2))))


def test_a_face_alone_keeps_the_voice_even_with_still_lips() -> None:
    """A ventriloquist, a covered mouth: nobody else is there to have spoken."""
    before = window()
    after, left_out = without_others_voice(before, track(speaks_from_s=99, others=False), BIN_S)
    assert after is before
    assert not left_out


def test_beside_others_a_face_that_speaks_keeps_its_voice() -> None:
    after, left_out = without_others_voice(window(), track(speaks_from_s=0), BIN_S)
    assert after.speech.all()
    assert not left_out


def test_beside_others_a_face_that_is_silent_has_none() -> None:
    after, left_out = without_others_voice(window(), track(speaks_from_s=99), BIN_S)
    assert left_out
    assert not after.speech.any()
    assert not after.audio_present.any()
    assert not after.has_voice(N_BINS * BIN_S)


def test_who_speaks_is_decided_bin_by_bin() -> None:
    """The read face falls silent half way; from then on somebody else is heard."""
    half_s = START_S + 7 * BIN_S
    after, left_out = without_others_voice(window(), track(speaks_from_s=0, until_s=half_s), BIN_S)
    assert left_out
    frames_per_bin = N_FRAMES // N_BINS
    assert after.speech[: 7 * frames_per_bin].all()
    assert not after.speech[-4 * frames_per_bin :].any()


def test_silence_of_all_is_nobodys() -> None:
    before = window(speech=False)
    after, left_out = without_others_voice(before, track(speaks_from_s=99), BIN_S)
    assert not left_out
    assert after.audio_present.all(), "silence is recorded silence"


def test_a_face_that_was_just_chosen_has_no_voice_until_its_lips_move() -> None:
    lips = track(speaks_from_s=0)
    lips.break_off()
    _, left_out = without_others_voice(window(), lips, BIN_S)
    assert left_out


def test_a_mouth_that_is_not_seen_does_not_speak() -> None:
    lips = LipTrack(keep=50)
    for index in range(150):
        lips.add(seen(index / 15, None))
    assert not lips.speaks(to_ns(9), to_ns(10))
    assert not lips.is_alone(to_ns(9), to_ns(10))
    assert lips.is_alone(0, to_ns(3)), "what is too old is forgotten"
