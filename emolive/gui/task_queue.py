"""Work for the window that must not run on the window's thread."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from emolive.errors import EmoliveError

log = logging.getLogger(__name__)
T = TypeVar("T")


def sentence_of(error: BaseException) -> str:
    """What to tell the person in front of the screen."""
    if isinstance(error, EmoliveError):
        return str(error)
    detail = str(error).strip().splitlines()
    return f"Something went wrong: {type(error).__name__}{': ' + detail[0] if detail else ''}."


class SerialTaskQueue:
    """One daemon thread that runs jobs in order; `deliver` hands the results over on the caller's thread.

    The thread knows nothing of Qt, so a job that never returns cannot touch a window that is gone.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def submit(
        self,
        work: Callable[[], T],
        done: Callable[[T], None] | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> None:
        """Run `work` on the lane; later `done(result)` or `failed(sentence)` comes from `deliver`."""
        if self._closed.is_set():
            return

        def job() -> None:
            try:
                result = work()
            except EmoliveError as error:
                self._fail(error, failed)
            except Exception as error:
                log.exception("%s: a job failed", self._name)
                self._fail(error, failed)
            else:
                if done is not None:
                    self._results.put(lambda: done(result))

        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def deliver(self) -> None:
        """Call what came back since the last time."""
        while not self._results.empty():
            callback = self._results.get()
            if not self._closed.is_set():
                callback()

    def close(self) -> None:
        """Take no more jobs and drop the waiting ones; the running one ends when it ends."""
        self._closed.set()
        self._jobs.put(None)

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread is not None and self._thread.is_alive()

    def _fail(self, error: BaseException, failed: Callable[[str], None] | None) -> None:
        if failed is not None:
            sentence = sentence_of(error)
            self._results.put(lambda: failed(sentence))

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None and not self._closed.is_set():
            job()
