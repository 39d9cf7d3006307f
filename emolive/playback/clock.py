"""The position in a file that plays."""

from __future__ import annotations

import threading
from collections.abc import Callable

from emolive.clock import now_ns


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
            if self._since_ns is None:
                return self._anchor_ns
            return self._anchor_ns + (self._clock() if at_ns is None else at_ns) - self._since_ns

    def set_playing(self, playing: bool) -> None:
        """Play or pause."""
        with self._lock:
            self._playing = playing
            self._update()

    def seek(self, position_ns: int) -> None:
        """Go to a position, and stand there until `release`."""
        with self._lock:
            self._held, self._since_ns, self._anchor_ns = True, None, max(0, position_ns)

    def release(self) -> None:
        """Run on after a `seek`, unless paused."""
        with self._lock:
            self._held = False
            self._update()

    def _update(self) -> None:
        now = self._clock()
        if self._since_ns is not None:
            self._anchor_ns += now - self._since_ns
        self._since_ns = now if self._playing and not self._held else None
