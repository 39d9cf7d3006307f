"""A slot between two threads that holds the latest value."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestSlot(Generic[T]):
    """Holds at most one value; a newer one replaces it, so that a slow reader never falls behind."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._value: T | None = None
        self._closed = False
        self.dropped = 0
        """Values that were replaced before they were read."""

    def put(self, value: T, *, wait: bool = False) -> None:
        """Store a value; ignored once the slot is closed.

        Args:
            value: the new value.
            wait: wait until the value before was read; False: replace it at once.
        """
        with self._condition:
            if wait:
                self._condition.wait_for(lambda: self._value is None or self._closed)
            if self._closed:
                return
            if self._value is not None:
                self.dropped += 1
            self._value = value
            self._condition.notify_all()

    def get(self, timeout_s: float | None = None) -> T | None:
        """Remove and return the value, waiting for one; None after `timeout_s`, or if closed and empty."""
        with self._condition:
            self._condition.wait_for(lambda: self._value is not None or self._closed, timeout_s)
            value, self._value = self._value, None
            self._condition.notify_all()
            return value

    def close(self) -> None:
        """Wake all waiting threads. Later puts are ignored; a last value can still be read."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
