"""Ctrl-C and SIGTERM in a command: once ends it in order, twice at once, and never with a traceback."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
WRITERS = ("emolive-gui-files", "emolive-disk")
"""Threads that write what the user wants to keep."""
IDLE_S = 0.15
"""So long, in all, idle threads have to end by themselves."""
WINDOW_LIBRARY = "PySide6.QtWidgets"

Handler = Callable[[int, FrameType | None], Any] | int | None


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM; raised in the main thread.

    Attributes:
        code: the exit code by which a shell knows a process that ended because of the signal.
    """

    def __init__(self, signum: int) -> None:
        super().__init__()
        self.code = exit_code(signum)


def exit_code(signum: int) -> int:
    """130 for SIGINT, 143 for SIGTERM."""
    return 128 + signum


def leave_now(code: int) -> NoReturn:
    """End the process without waiting for anything: threads, libraries, buffers of other files."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)


def leave_at_once(signum: int, frame: FrameType | None) -> None:
    """A handler for while nothing is to be put in order: during imports, and at a second signal."""
    del frame
    leave_now(exit_code(signum))


def _interrupt(signum: int, frame: FrameType | None) -> None:
    del frame
    for each in SIGNALS:
        signal.signal(each, leave_at_once)
    raise Interrupted(signum)


@contextmanager
def early_exit() -> Iterator[None]:
    """Inside it, a signal ends the process at once: an interrupted import can fail with any error.

    Has no effect outside the main thread, or where somebody else handles the signals.
    """
    with _handlers(leave_at_once):
        yield


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside it, the first signal raises Interrupted, and a second one ends the process at once."""
    with _handlers(_interrupt):
        yield


@contextmanager
def _handlers(handler: Handler) -> Iterator[None]:
    replaced: dict[signal.Signals, Handler] = {}
    if threading.current_thread() is threading.main_thread():
        for each in SIGNALS:
            present = signal.getsignal(each)
            # A shell starts background jobs with signals ignored; tests and other programs have their own.
            if present in (signal.SIG_DFL, signal.default_int_handler, leave_at_once, _interrupt):
                replaced[each] = present
                signal.signal(each, handler)
    try:
        yield
    finally:
        for each, previous in replaced.items():
            signal.signal(each, previous)


def leave(code: int) -> int:
    """Prepare the end of the process; returns the exit code, or does not return.

    What is being written is finished. A thread of emolive that is still in a native call while interpreter
    and libraries are taken down can damage the heap or keep the process for a minute, so then they are not
    taken down; nor is a driver waited for that does not answer.
    """
    own = [thread for thread in threading.enumerate() if thread.name.startswith("emolive-")]
    for thread in own:
        if thread.name.startswith(WRITERS) and not thread.daemon:
            thread.join()
    deadline_s = time.monotonic() + IDLE_S
    for thread in own:
        # A pool that was shut down ends its idle threads by itself.
        thread.join(max(0.0, deadline_s - time.monotonic()))
    # Taking Qt and torch down takes a second of computing, after the window is gone, and saves nothing.
    if WINDOW_LIBRARY in sys.modules or any(thread.is_alive() for thread in own):
        leave_now(code)
    with suppress(ValueError):
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
    return code
