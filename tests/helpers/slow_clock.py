"""Time that passes more slowly than on the wall, for what must be on time on a computer of any speed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from emolive import clock

SLOWNESS = (1, 2, 4, 8)
"""How many seconds of the wall a second lasts, one after another until it is enough."""


class _SlowTime:
    """In place of the module `time` in `emolive.clock`."""

    def __init__(self, slowness: int) -> None:
        self._slowness = slowness
        self._began_ns = time.monotonic_ns()

    def monotonic_ns(self) -> int:
        return self._began_ns + (time.monotonic_ns() - self._began_ns) // self._slowness


@contextmanager
def slow_clock(slowness: int) -> Iterator[None]:
    """Everything that is timed by `emolive.clock` takes this many times as long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "time", _SlowTime(slowness))
        yield


def in_real_time(attempt: Callable[[], None]) -> None:
    """Try what needs a computer that keeps up: at its pace, and where that fails more slowly.

    Raises:
        AssertionError: it failed at every pace, so that slowness is not the reason.
    """
    for slowness in SLOWNESS:
        try:
            with slow_clock(slowness):
                attempt()
        except AssertionError:
            if slowness == SLOWNESS[-1]:
                raise
        else:
            return
