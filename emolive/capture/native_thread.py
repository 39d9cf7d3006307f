"""A thread for calls of a native library that may never return."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from emolive.errors import DeviceError

T = TypeVar("T")

IDLE_NAME = "native-calls"
"""Of the thread while no call is under way: it has its own name only while it may be in native code."""


class NativeThread:
    """Runs calls one after another in one daemon thread; whoever makes one waits for a limited time.

    A driver or a sound server that hangs keeps this thread only. Until its call returns, others are refused
    at once, instead of waiting behind it or entering the library beside it.

    Args:
        name: of the thread.
        no_answer: the sentence of the error when a call takes too long.
    """

    def __init__(self, name: str, no_answer: str) -> None:
        self._name, self._no_answer = name, no_answer
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._overdue: Future[Any] | None = None
        """The newest call whose caller no longer waits for it."""

    @property
    def is_stuck(self) -> bool:
        """A call did not return in time and has not returned since."""
        overdue = self._overdue
        return overdue is not None and not overdue.done()

    def call(
        self, function: Callable[[], T], timeout_s: float, *, on_late: Callable[[T], object] | None = None
    ) -> T:
        """The result of `function`, run in the thread.

        Args:
            function: what it raises is raised here.
            timeout_s: how long to wait for it.
            on_late: gets, in the thread, a result that comes too late, to release it.

        Raises:
            DeviceError: it did not return in time, or an earlier call still has not returned.
        """
        if threading.current_thread() is self._thread:
            return function()
        if self.is_stuck:
            raise DeviceError(self._no_answer)
        future: Future[T] = Future()
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=IDLE_NAME, daemon=True)
                self._thread.start()
        self._calls.put((function, future))
        try:
            return future.result(timeout_s)
        except TimeoutError:
            if future.done():
                # Of the function itself.
                raise
            if not future.cancel():
                self._overdue = future
                if on_late is not None:
                    future.add_done_callback(lambda done: _release(done, on_late))
            raise DeviceError(self._no_answer) from None

    def _run(self) -> None:
        while True:
            function, future = self._calls.get()
            if not future.set_running_or_notify_cancel():
                continue
            threading.current_thread().name = self._name
            try:
                result = function()
            except BaseException as error:
                threading.current_thread().name = IDLE_NAME
                future.set_exception(error)
            else:
                threading.current_thread().name = IDLE_NAME
                future.set_result(result)
            del function, future


def _release(done: Future[T], release: Callable[[T], object]) -> None:
    if done.exception() is None:
        release(done.result())
