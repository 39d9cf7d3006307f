"""The position in a file that plays."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from emolive.clock import now_ns

_MAX_STRETCHES = 64


class Stretch(NamedTuple):
    """What a position has run through without a jump."""

    from_ns: int
    to_ns: int


class PlaybackClock:
    """Runs with the system's clock while it plays. Thread-safe. It begins held at 0.

    Args:
        clock: the time in nanoseconds.
    """

    def __init__(self, clock: Callable[[], int] = now_ns) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._anchor_ns = 0
        """The position at `_since_ns`, or the position while it stands still."""
        self._since_ns: int | None = None
        """Since when it runs; None while it stands still."""
        self._playing = True
        self._held = True
        self._begun_ns = 0
        """Where the stretch begins that is not taken yet."""
        self._passed: deque[Stretch] = deque(maxlen=_MAX_STRETCHES)
        """Stretches that ended with a seek and are not taken yet."""

    @property
    def playing(self) -> bool:
        """Whether it is to run: not paused."""
        return self._playing

    @property
    def running(self) -> bool:
        """Whether the position changes: neither paused nor held."""
        return self._since_ns is not None

    def position_ns(self, at_ns: int | None = None) -> int:
        """The position now, or at another time of the system's clock."""
        with self._lock:
            return self._position_ns(at_ns)

    def take_passed(self) -> list[Stretch]:
        """The stretches that were passed since the last call, in order; the last one ends now."""
        with self._lock:
            position_ns = self._position_ns()
            passed = [*self._passed, Stretch(self._begun_ns, position_ns)]
            self._passed.clear()
            self._begun_ns = position_ns
            return passed

    def set_playing(self, playing: bool) -> None:
        """Play or pause."""
        with self._lock:
            self._playing = playing
            self._update()

    def seek(self, position_ns: int) -> None:
        """Go to a position, and stand there until `release`."""
        with self._lock:
            self._passed.append(Stretch(self._begun_ns, self._position_ns()))
            self._held, self._since_ns, self._anchor_ns = True, None, max(0, position_ns)
            self._begun_ns = self._anchor_ns

    def release(self) -> None:
        """Run on after a `seek`, unless paused."""
        with self._lock:
            self._held = False
            self._update()

    def _position_ns(self, at_ns: int | None = None) -> int:
        if self._since_ns is None:
            return self._anchor_ns
        return self._anchor_ns + (self._clock() if at_ns is None else at_ns) - self._since_ns

    def _update(self) -> None:
        now = self._clock()
        if self._since_ns is not None:
            self._anchor_ns += now - self._since_ns
        self._since_ns = now if self._playing and not self._held else None
