"""Which windows of a file its position has passed: each is published once in a pass, late if it must be."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from emolive.clock import to_ns, to_s
from emolive.playback.clip_track import AnalyzedWindow, ClipTrack
from emolive.playback.clock import PlaybackClock, Stretch

STALE_S = 1.5
"""An estimate whose window ended longer ago is not that of the position."""
_NEAR_NS = to_ns(0.5)
"""A shorter step forward passes what lies between; what is left so shortly before the end is passed."""
_BACK_NS = to_ns(0.1)
"""At its end a file may be taken back a little from where its clock has run to: that is no jump."""
_END_NS = 2**62
_MAX_STRETCHES = 64
"""That wait for the analysis; the oldest is given up."""
_POLL_S = 0.03


@dataclass(slots=True)
class _Waiting:
    """A stretch that was passed, without what was published of it."""

    from_ns: int
    """What ends after this is to be published."""
    to_ns: int
    with_present: bool
    """After a jump: the window of the position itself is to be published too."""
    to_end: bool = False
    """All of the rest of the file belongs to it."""

    @property
    def until_ns(self) -> int:
        """What ends after this is not to be published."""
        return _END_NS if self.to_end else self.to_ns


class PassedWindows:
    """Collects the stretches that a position passes, and hands out their windows once they are analysed.

    In the order in which they were passed. Not thread-safe.
    """

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque([_Waiting(0, 0, with_present=False)], _MAX_STRETCHES)
        self._track: ClipTrack | None = None

    def add(self, stretches: list[Stretch], duration_ns: int, *, ended: bool) -> None:
        """The position has passed these stretches since the last call.

        Args:
            stretches: in order.
            duration_ns: of the file.
            ended: it has played to its end, so that what lies behind the position is passed as well.
        """
        for stretch in stretches:
            newest = self._waiting[-1]
            if -_BACK_NS <= stretch.from_ns - newest.to_ns <= _NEAR_NS:
                newest.to_ns = stretch.to_ns
                continue
            if newest.to_ns >= duration_ns - _NEAR_NS:
                newest.to_end = True
            self._waiting.append(_Waiting(stretch.from_ns, stretch.to_ns, with_present=stretch.from_ns > 0))
        self._waiting[-1].to_end = ended

    def due(self, track: ClipTrack, *, complete: bool) -> list[AnalyzedWindow]:
        """The windows to be published now: passed, analysed, and not published before.

        Args:
            track: as far as the file is analysed.
            complete: the file is analysed to its end.
        """
        newest = self._waiting[-1]
        if self._track is not None and self._track is not track and newest.to_ns > 0:
            # Other models answer: theirs for the position is new.
            newest.with_present = True
        self._track = track
        windows: list[AnalyzedWindow] = []
        while True:
            stretch = self._waiting[0]
            analysed_ns = _END_NS if complete else track.windows[-1].t_ns if track.windows else 0
            if stretch.with_present:
                if analysed_ns < stretch.from_ns:
                    return windows
                stretch.with_present = False
                present = track.window_at(stretch.from_ns)
                if present is not None and to_s(stretch.from_ns - present.t_ns) <= STALE_S:
                    stretch.from_ns = present.t_ns - 1
            passed = _between(track, stretch.from_ns, stretch.until_ns)
            windows += passed
            if passed:
                stretch.from_ns = passed[-1].t_ns
            if len(self._waiting) == 1 or analysed_ns < stretch.until_ns:
                return windows
            self._waiting.popleft()


class WindowPublisher(threading.Thread):
    """Publishes the windows of a file as its position passes them.

    Args:
        clock: of the file.
        track: the results so far.
        complete: whether the analysis is.
        duration_s: of the file.
        ended: whether it has played to its end.
        publish: called with each window that has estimates.
    """

    def __init__(
        self,
        clock: PlaybackClock,
        *,
        track: Callable[[], ClipTrack],
        complete: Callable[[], bool],
        duration_s: Callable[[], float],
        ended: Callable[[], bool],
        publish: Callable[[AnalyzedWindow], None],
    ) -> None:
        super().__init__(name="emolive-publisher", daemon=True)
        self._clock, self._track, self._complete = clock, track, complete
        self._duration_s, self._ended, self._publish = duration_s, ended, publish
        self._closed = threading.Event()

    def close(self) -> None:
        """End the thread soon."""
        self._closed.set()

    def run(self) -> None:
        """Look at the position again and again."""
        windows = PassedWindows()
        while not self._closed.wait(_POLL_S):
            windows.add(self._clock.take_passed(), to_ns(self._duration_s()), ended=self._ended())
            # The track first: it is complete only if it was then.
            track = self._track()
            for window in windows.due(track, complete=self._complete()):
                if window.estimates:
                    self._publish(window)


def _between(track: ClipTrack, from_ns: int, to_ns: int) -> list[AnalyzedWindow]:
    """The windows that end after `from_ns` and not after `to_ns`."""
    first, last = (bisect_right(track.windows, t_ns, key=lambda w: w.t_ns) for t_ns in (from_ns, to_ns))
    return track.windows[first:last]
