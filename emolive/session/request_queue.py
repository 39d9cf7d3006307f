"""Requests of other threads to the thread that owns some state."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Request = Callable[[], None]


class RequestQueue:
    """Functions that the owner of some state carries out, in the order in which they were posted.

    Args:
        on_fault: gets what a request raises; those after it are carried out all the same.
    """

    def __init__(self, on_fault: Callable[[Exception], None]) -> None:
        self._on_fault = on_fault
        self._requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._wake = threading.Event()

    def post(self, request: Request) -> None:
        """Have a request carried out soon. From any thread."""
        self._requests.put(request)
        self._wake.set()

    def wake(self) -> None:
        """Let the owner stop waiting. From any thread."""
        self._wake.set()

    @property
    def is_pending(self) -> bool:
        """There may be a request."""
        return self._wake.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Wait for a request; False if there is none after `timeout_s`."""
        return self._wake.wait(timeout_s)

    def carry_out(self) -> None:
        """Carry out all requests. In the owner's thread."""
        self._wake.clear()
        while True:
            try:
                request = self._requests.get_nowait()
            except queue.Empty:
                return
            try:
                request()
            except Exception as error:
                self._on_fault(error)
