"""Callbacks that get each new estimate, each in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Self

from emolive.clock import now_ns, seconds_until, to_ns
from emolive.errors import EmoliveError
from emolive.faults import log_fault
from emolive.types import Estimate, Status

log = logging.getLogger(__name__)

QUEUE_LENGTH = 256
"""Estimates that wait for a slow callback, a minute of them; then the oldest are dropped and counted."""
_POLL_S = 0.05


class Publisher:
    """Passes estimates on to subscribed callbacks. Thread-safe.

    A callback runs in the subscription's own thread, so that one that blocks (a pipe that nobody reads)
    holds up neither the publishing thread nor other callbacks.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: tuple[Subscription, ...] = ()
        self._closed = threading.Event()

    def subscribe(self, callback: Callable[[Estimate], None]) -> Subscription:
        """Call `callback` with each estimate until the subscription is closed."""
        subscription = Subscription(callback, self)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; no effect if it has ended."""
        with self._lock:
            self._subscriptions = tuple(each for each in self._subscriptions if each is not subscription)

    def publish(self, estimate: Estimate) -> None:
        """Pass an estimate on; returns at once."""
        if not self._closed.is_set():
            for subscription in self._subscriptions:
                subscription.put(estimate)

    def statuses(self) -> tuple[Status, ...]:
        """An error as long as there is a subscription that could not use an estimate."""
        problems = [subscription.problem for subscription in self._subscriptions if subscription.problem]
        return tuple(Status("rows", "error", "unwritten", problem) for problem in problems[:1])

    @property
    def is_idle(self) -> bool:
        """Every callback has returned from every estimate."""
        return all(subscription.is_idle for subscription in self._subscriptions)

    def wait_idle(self, given_up: Callable[[], bool]) -> None:
        """Wait until every callback has returned from every estimate, or until `given_up`."""
        for subscription in self._subscriptions:
            while not subscription.wait_idle(_POLL_S) and not given_up():
                pass

    def close(self, timeout_s: float) -> bool:
        """Pass on what is waiting and end the threads; False if a callback did not return in time."""
        deadline_ns = now_ns() + to_ns(timeout_s)
        self._closed.set()
        ended = True
        for subscription in self._subscriptions:
            subscription.wait_idle(seconds_until(deadline_ns))
            # A thread that is idle needs a moment to end.
            ended = subscription.end(seconds_until(deadline_ns, _POLL_S)) and ended
        return ended


class Subscription:
    """A callback that gets estimates until this is closed; also a context manager.

    Made by `Session.subscribe`.

    Attributes:
        dropped: estimates that were lost because the callback was too slow.
        problem: the sentence of the first `EmoliveError` that the callback raised, for the user; "" without.
    """

    def __init__(self, callback: Callable[[Estimate], None], publisher: Publisher) -> None:
        self.callback = callback
        self.dropped = 0
        self.problem = ""
        self._publisher = publisher
        self._queue: deque[Estimate] = deque()
        self._changed = threading.Condition()
        self._is_busy = self._is_closed = False
        self._thread: threading.Thread | None = None

    def put(self, estimate: Estimate) -> None:
        """Have the callback called with an estimate; returns at once."""
        with self._changed:
            if self._is_closed:
                return
            if len(self._queue) >= QUEUE_LENGTH:
                self._queue.popleft()
                self.dropped += 1
            self._queue.append(estimate)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="emolive-subscriber", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    @property
    def is_idle(self) -> bool:
        """The callback has returned from every estimate."""
        with self._changed:
            return not self._queue and not self._is_busy

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until the callback has returned from every estimate; False after `timeout_s`.

        True at once in the callback itself.
        """
        if threading.current_thread() is self._thread:
            return True
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._is_busy, timeout_s)

    def close(self) -> None:
        """End it; the callback may still run for an estimate that is just being delivered."""
        self._publisher.unsubscribe(self)
        self.end(0)

    def end(self, timeout_s: float) -> bool:
        """End the thread; False if the callback did not return in time."""
        with self._changed:
            self._is_closed = True
            self._queue.clear()
            self._changed.notify_all()
            thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(timeout_s)
        return not thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._queue or self._is_closed)
                if self._is_closed:
                    return
                estimate = self._queue.popleft()
                self._is_busy = True
            try:
                self.callback(estimate)
            except EmoliveError as error:
                self.problem = self.problem or str(error)
            except BaseException as error:  # SystemExit too: it must not end the thread
                log_fault(log, "a subscriber failed", error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
