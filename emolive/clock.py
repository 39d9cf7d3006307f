"""The one clock that stamps every stream."""

from __future__ import annotations

import time

NS_PER_S = 1_000_000_000


def now_ns() -> int:
    """Nanoseconds on the monotonic clock that all stamps of a session use."""
    return time.monotonic_ns()


def to_ns(seconds: float) -> int:
    """Seconds as whole nanoseconds, rounded to nearest."""
    return round(seconds * NS_PER_S)


def to_s(ns: int) -> float:
    return ns / NS_PER_S
