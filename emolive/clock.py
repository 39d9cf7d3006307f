"""The clock of all timestamps."""

from __future__ import annotations

import time

NS_PER_S = 1_000_000_000


def now_ns() -> int:
    """The time in nanoseconds on the monotonic clock that all timestamps of a session use."""
    return time.monotonic_ns()


class Watchdog:
    """Measures for how long nothing has happened, as far as this process was there to see it.

    While another thread holds the interpreter (an import does, for seconds) or the process is stopped, what
    happens is not seen. A watchdog that counted this time would take the process's own stall for one of the
    device that it watches.

    Args:
        tick_s: how often `tick` is called; a longer time between two calls is a stall, and counts as twice
            this.
    """

    def __init__(self, tick_s: float) -> None:
        self._longest_ns = 2 * to_ns(tick_s)
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self._fed = False
        self._quiet_ns = 0
        self._ticked_ns = now_ns()

    def feed(self) -> None:
        """Something happened. From any thread."""
        self._fed = True

    def tick(self) -> float:
        """Seconds without anything; called regularly, from one thread."""
        now = now_ns()
        elapsed_ns, self._ticked_ns = now - self._ticked_ns, now
        if self._fed:
            self._fed, self._quiet_ns = False, 0
        else:
            self._quiet_ns += min(elapsed_ns, self._longest_ns)
        return to_s(self._quiet_ns)


def to_ns(seconds: float) -> int:
    """Seconds to nanoseconds, rounded."""
    return round(seconds * NS_PER_S)


def to_s(ns: int) -> float:
    """Nanoseconds to seconds."""
    return ns / NS_PER_S


def seconds_until(deadline_ns: int, at_least_s: float = 0.0) -> float:
    """Seconds from now to a deadline, at least `at_least_s`: for the next wait of several."""
    return max(at_least_s, to_s(deadline_ns - now_ns()))
