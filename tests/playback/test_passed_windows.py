"""Which windows of a file are published, and when."""

from __future__ import annotations

from emolive.clock import NS_PER_S, to_ns
from emolive.playback.clip_track import AnalyzedWindow, ClipTrack
from emolive.playback.clock import PlaybackClock, Stretch
from emolive.playback.passed_windows import PassedWindows

DURATION_NS = to_ns(10)


def track(until: int) -> ClipTrack:
    """Windows that end at 1, 2 ... seconds."""
    return ClipTrack(("ia",), [AnalyzedWindow(second * NS_PER_S, (), ()) for second in range(1, until + 1)])


class Position:
    """Passes stretches of a file that is analysed to some second."""

    def __init__(self, analysed: int) -> None:
        self.windows = PassedWindows()
        self.track = track(analysed)

    def passes(self, from_s: float, to_s: float, *, ended: bool = False) -> list[int]:
        """The seconds that are published then."""
        stretch = Stretch(to_ns(from_s), to_ns(to_s))
        self.windows.add([stretch], DURATION_NS, ended=ended)
        return self.due()

    def due(self, *, complete: bool = False) -> list[int]:
        return [round(w.t_ns / NS_PER_S) for w in self.windows.due(self.track, complete=complete)]


def test_each_window_is_published_once_when_it_is_passed() -> None:
    position = Position(analysed=10)
    assert position.passes(0, 0.9) == []
    assert position.passes(0.9, 1.0) == [1]
    assert position.passes(1.0, 1.0) == []
    assert position.passes(1.0, 3.5) == [2, 3]
    assert position.passes(3.5, 3.5) == []


def test_what_was_passed_before_it_was_analysed_follows_in_order() -> None:
    position = Position(analysed=0)
    assert position.passes(0, 4) == []
    position.track = track(2)
    assert position.due() == [1, 2]
    position.track.windows.append(track(3).windows[-1])
    assert position.due() == [3]
    assert position.passes(4, 5) == []
    for window in track(8).windows[3:]:
        position.track.windows.append(window)
    assert position.due() == [4, 5]


def test_a_jump_leaves_out_what_lies_between_and_keeps_what_was_passed() -> None:
    position = Position(analysed=0)
    assert position.passes(0, 2) == []
    assert position.passes(7.4, 8) == []
    assert position.passes(1, 2) == [], "back again"
    position.track = track(10)
    assert position.due(complete=True) == [1, 2, 7, 8, 1, 2]
    assert position.passes(2.2, 3) == [3], "a small step passes what lies between"


def test_to_the_end_and_in_a_loop() -> None:
    position = Position(analysed=10)
    assert position.passes(0, 9.9) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert position.passes(0, 1.5) == [10], "the rest of the file before it begins again"
    assert position.due(complete=True) == [1]
    ending = Position(analysed=10)
    assert ending.passes(0, 9.95)[-1] == 9
    assert ending.passes(9.9, 9.9, ended=True) == [10], "the clock may run a little too far"
    for _ in range(3):
        assert ending.passes(9.9, 9.9, ended=True) == []
        assert ending.due(complete=True) == []


def test_another_model_answers_for_the_position_again_and_goes_on() -> None:
    position = Position(analysed=10)
    assert position.passes(0, 3.2) == [1, 2, 3]
    position.track = track(0)
    assert position.due() == []
    assert position.passes(3.2, 4.1) == []
    position.track.windows.extend(track(10).windows)
    assert position.due() == [3, 4]


def test_a_clock_tells_what_it_has_passed() -> None:
    now = [0]
    clock = PlaybackClock(lambda: now[0])
    clock.release()
    now[0] = 100
    assert clock.take_passed() == [(0, 100)]
    now[0] = 150
    clock.seek(1000)
    assert clock.take_passed() == [(100, 150), (1000, 1000)]
    clock.release()
    now[0] = 170
    assert clock.take_passed() == [(1000, 1020)]
