"""A one-slot mailbox between two threads."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestSlot(Generic[T]):
    """Holds at most one item; a newer one replaces it, so that a slow reader is never behind."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: T | None = None
        self._closed = False
        self.dropped = 0
        """Items that were replaced before anybody took them."""

    def put(self, item: T) -> None:
        """Leave an item; never waits. Ignored after `close`."""
        with self._condition:
            if self._closed:
                return
            if self._item is not None:
                self.dropped += 1
            self._item = item
            self._condition.notify_all()

    def get(self, timeout_s: float | None = None) -> T | None:
        """Take the item, waiting for one; None after `timeout_s` or once closed and empty."""
        with self._condition:
            self._condition.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            self._condition.notify_all()
            return item

    @property
    def empty(self) -> bool:
        with self._condition:
            return self._item is None

    @property
    def closed(self) -> bool:
        with self._condition:
            return self._closed

    def close(self) -> None:
        """Wake everybody; a put from now on is ignored, a last item may still be taken."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
