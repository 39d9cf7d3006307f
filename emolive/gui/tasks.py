"""Work for the window that must not run on the GUI thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from PySide6.QtCore import QObject, Qt, Signal

from emolive.errors import EmoliveError
from emolive.gui.i18n import tr
from emolive.gui.strings import session_text

log = logging.getLogger(__name__)
Result = TypeVar("Result")


def error_sentence(error: BaseException) -> str:
    """An exception as one sentence for the user."""
    if isinstance(error, EmoliveError):
        return session_text(str(error))
    lines = str(error).strip().splitlines()
    detail = f": {lines[0]}" if lines else ""
    return tr("Something went wrong: {error}.", error=f"{type(error).__name__}{detail}")


class TaskRunner(QObject):
    """Runs tasks one after another in a background thread; their callbacks run on the GUI thread."""

    _finished = Signal(object)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._closed = False
        self._finished.connect(self._call_back, Qt.ConnectionType.QueuedConnection)

    def submit(
        self,
        task: Callable[[], Result],
        on_result: Callable[[Result], None] | None = None,
        on_error: Callable[[str], None] | None = None,
    ) -> None:
        """Run `task` after those before it.

        Args:
            task: called in the background thread.
            on_result: called with the task's result on the GUI thread.
            on_error: called with a sentence on the GUI thread if the task raised an exception.
        """
        if self._closed:
            return

        def done(future: Future[Result]) -> None:
            if future.cancelled():
                return
            error = future.exception()
            if error is not None and not isinstance(error, EmoliveError):
                log.error("%s: a task failed", self._name, exc_info=error)
            if error is not None:
                self._emit(None if on_error is None else lambda: on_error(error_sentence(error)))
            elif on_result is not None:
                self._emit(lambda: on_result(future.result()))

        self._executor.submit(task).add_done_callback(done)

    def close(self, *, drop_waiting: bool = True) -> None:
        """Accept no more tasks and call no more callbacks. A running task finishes.

        Args:
            drop_waiting: drop the tasks that have not begun; False finishes them too.
        """
        with self._lock:
            self._closed = True
        self._executor.shutdown(wait=False, cancel_futures=drop_waiting)

    def join(self) -> None:
        """Wait for the running task; after `close`, not on the GUI thread."""
        self._executor.shutdown(wait=True)

    def _emit(self, callback: Callable[[], None] | None) -> None:
        # Under the lock: after `close` this object may be deleted while a task still runs.
        with self._lock:
            if not self._closed and callback is not None:
                self._finished.emit(callback)

    def _call_back(self, callback: Callable[[], None]) -> None:
        if not self._closed:
            callback()
