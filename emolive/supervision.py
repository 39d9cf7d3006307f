"""Threads that must not die: what happens to a part of the session that fails, as one table.

A part is the body of a thread with its settings and state in an object. When the body raises, the thread
waits and calls it again, so that settings are kept; the pauses grow while it fails again and again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from enum import StrEnum

from emolive.clock import now_ns, to_s
from emolive.faults import log_fault

log = logging.getLogger(__name__)

BACKOFF_S = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Pauses between attempts; the last one repeats."""
HEALTHY_S = 10.0
"""After so long without a failure the next pause is the shortest again."""


class State(StrEnum):
    """Of a part."""

    NEW = "new"
    RUNNING = "running"
    WAITING = "waiting"
    """It failed and is started again after a pause."""
    ENDED = "ended"


class Event(StrEnum):
    """What happens to a part."""

    START = "start"
    FAIL = "fail"
    RETRY = "retry"
    """The pause after a failure is over."""
    END = "end"
    """Its work is done, or the session is closed."""


TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (State.NEW, Event.START): State.RUNNING,
    (State.NEW, Event.END): State.ENDED,
    (State.RUNNING, Event.FAIL): State.WAITING,
    (State.RUNNING, Event.END): State.ENDED,
    (State.WAITING, Event.RETRY): State.RUNNING,
    (State.WAITING, Event.END): State.ENDED,
}
"""Any other event in a state is a bug and raises KeyError."""

OnFault = Callable[[BaseException, float], None]
"""Gets an exception and the pause in seconds before the next attempt."""


class Supervised:
    """Calls a body until it returns; after an exception, again.

    Args:
        name: of the part, for the log.
        body: runs until its work is done or `closed` is set.
        closed: set when the part is to end.
        on_fault: told of each failure.
        pauses_s: between attempts; the last one repeats.
    """

    def __init__(
        self,
        name: str,
        body: Callable[[], None],
        closed: threading.Event,
        on_fault: OnFault | None = None,
        pauses_s: tuple[float, ...] = BACKOFF_S,
    ) -> None:
        self.name = name
        self.state = State.NEW
        self.failures = 0
        """Since it last ran for HEALTHY_S."""
        self._body, self._closed, self._on_fault, self._pauses_s = body, closed, on_fault, pauses_s

    def run(self) -> None:
        """The thread's target."""
        self._move(Event.START)
        while self.state is State.RUNNING:
            began_ns = now_ns()
            try:
                self._body()
            except BaseException as error:  # SystemExit too: nothing else would restart the part
                healthy = to_s(now_ns() - began_ns) > HEALTHY_S
                self.failures = 1 if healthy else self.failures + 1
                self._wait_after(error)
            else:
                self._move(Event.END)

    def _wait_after(self, error: BaseException) -> None:
        self._move(Event.FAIL)
        pause_s = self._pauses_s[min(self.failures, len(self._pauses_s)) - 1]
        if not self._closed.is_set():
            log_fault(log, f"{self.name} failed and is started again", error)
            if self._on_fault is not None:
                self._on_fault(error, pause_s)
        self._move(Event.END if self._closed.wait(pause_s) else Event.RETRY)

    def _move(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state, event]
