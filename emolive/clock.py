"""The clock of all timestamps."""

from __future__ import annotations

import time

NS_PER_S = 1_000_000_000


def now_ns() -> int:
    """The time in nanoseconds on the monotonic clock that all timestamps of a session use."""
    return time.monotonic_ns()


def to_ns(seconds: float) -> int:
    """Seconds to nanoseconds, rounded."""
    return round(seconds * NS_PER_S)


def to_s(ns: int) -> float:
    """Nanoseconds to seconds."""
    return ns / NS_PER_S
