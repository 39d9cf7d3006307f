"""Stamps that jump: what is a gap, what is a fault, and that streams stay in step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolive.capture.timeline import MAX_GAP_NS, StreamClock, describe_jump, merge
from emolive.clock import to_ns
from emolive.types import AudioBlock, Frame

HOUR_S = 3600.0
STEP_S = 0.04


def placed(stamps_s: list[float], covered_s: float | None = None) -> tuple[list[float], list[float]]:
    """Times of frames by their stamps, and the jumps that were reported, in seconds."""
    jumps: list[float] = []
    clock = StreamClock(
        None if covered_s is None else to_ns(covered_s), lambda _, length_ns: jumps.append(length_ns / 1e9)
    )
    times, expected_ns = [], 0
    for stamp_s in stamps_s:
        t_ns = clock.place(to_ns(stamp_s), expected_ns)
        times.append(t_ns / 1e9)
        expected_ns = t_ns + to_ns(STEP_S)
    return times, jumps


def test_ordinary_stamps_and_short_gaps_stay():
    stamps = [0, 0.04, 0.08, 3.08, 3.12, 3.1]
    assert placed(stamps, covered_s=4)[0] == stamps


def test_a_jump_that_the_other_stream_does_not_share_is_taken_out():
    times, jumps = placed([0, 0.04, 25 * HOUR_S, 25 * HOUR_S + 0.04], covered_s=4)
    assert times == pytest.approx([0, 0.04, 0.08, 0.12])
    assert jumps == pytest.approx([25 * HOUR_S - 0.08])


def test_a_long_gap_that_the_other_stream_fills_stays():
    assert placed([0, 0.04, 60.0, 60.04], covered_s=70) == ([0, 0.04, 60.0, 60.04], [])


def test_stamps_that_begin_again_go_on():
    times, jumps = placed([5.0, 5.04, 0.0, 0.04, 0.08], covered_s=6)
    assert times == pytest.approx([5.0, 5.04, 5.08, 5.12, 5.16])
    assert len(jumps) == 1


def test_behind_a_single_wrong_stamp_all_is_as_before():
    times, _ = placed([0, 0.04, 30 * HOUR_S, 0.12, 0.16, 0.2], covered_s=6)
    assert times == pytest.approx([0, 0.04, 0.08, 0.12, 0.16, 0.2])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e7, 1e7), min_size=1, max_size=30),
    st.one_of(st.none(), st.floats(0, 100)),
)
def test_with_a_known_end_no_stamp_leads_far_ahead(stamps_s, covered_s):
    if covered_s is None:
        return
    times, _ = placed(stamps_s, covered_s)
    for before, after in zip([0.0, *times], times, strict=False):
        assert after - before >= -1.0 - STEP_S - 1e-6
        assert after - before <= max(MAX_GAP_NS / 1e9, covered_s + 1 - before) + STEP_S + 1e-6


def frames(stamps_s: list[float]) -> list[Frame]:
    image = np.zeros((2, 2, 3), np.uint8)
    return [Frame(to_ns(s), image, i) for i, s in enumerate(stamps_s)]


def blocks(stamps_s: list[float]) -> list[AudioBlock]:
    return [AudioBlock(to_ns(s), np.zeros(160, np.float32), 8000) for s in stamps_s]


def test_a_gap_that_all_streams_share_is_taken_out_of_all():
    jumps: list[int] = []
    video = iter(frames([0, 0.04, 9000.0, 9000.04]))
    audio = iter(blocks([0, 0.02, 0.04, 9000.01, 9000.03]))
    items = list(merge([audio, video], lambda at, length: jumps.append(length)))
    assert len(jumps) == 1
    times = [item.t_ns / 1e9 for item in items]
    assert times == sorted(times)
    assert times[-1] < 0.2
    new_video = [i.t_ns for i in items if isinstance(i, Frame)][2]
    new_audio = [i.t_ns for i in items if isinstance(i, AudioBlock)][3]
    assert new_audio - new_video == to_ns(0.01)


def test_a_gap_of_one_stream_stays_in_step_with_the_other():
    video, audio = frames([0, 30.0]), blocks([0.5 * i for i in range(70)])
    items = list(merge([iter(video), iter(audio)], lambda *_: pytest.fail("no jump")))
    assert [i.t_ns for i in items if isinstance(i, Frame)] == [0, to_ns(30.0)]


def test_the_middle_of_a_file_is_no_jump():
    items = list(merge([iter(frames([500.0, 500.04]))], lambda *_: pytest.fail("no jump"), to_ns(500)))
    assert [i.t_ns for i in items] == [to_ns(500.0), to_ns(500.04)]


def test_the_sentence():
    assert describe_jump("a.ts", to_ns(2), to_ns(25 * HOUR_S)) == (
        "The time stamps of a.ts jump ahead by 25 h at 2.0 s: what follows is read as if it followed at once."
    )
    assert "back by 3 s" in describe_jump("a.ts", 0, to_ns(-3))
