"""What to do with exceptions that nobody expected: one line for people, a traceback for developers, no flood.

A part of a live session that fails goes on with its next item. It may fail again with each of them, so the
same fault is logged once in a while.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback

REPEAT_S = 30.0
"""The same fault is logged again after this long."""
_MAX_CHARS = 200

_lock = threading.Lock()
_logged_s: dict[tuple[str, str, int], float] = {}


def one_line(error: BaseException) -> str:
    """What an exception says, as a part of a sentence; its type where it says nothing."""
    text = " ".join(str(error).split()).rstrip(".")
    if len(text) > _MAX_CHARS:
        text = f"{text[:_MAX_CHARS]} ..."
    return text or type(error).__name__


def log_fault(log: logging.Logger, what: str, error: BaseException) -> None:
    """Log a fault in one line, with its traceback at level DEBUG; not more often than every REPEAT_S.

    Args:
        log: of the module in which it was caught.
        what: what failed.
        error: why.
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = (frames[-1].filename, frames[-1].lineno or 0) if frames else ("", 0)
    key = (type(error).__name__, *where)
    now_s = time.monotonic()
    with _lock:
        if now_s - _logged_s.get(key, -REPEAT_S) < REPEAT_S:
            return
        _logged_s[key] = now_s
    exc_info = error if log.isEnabledFor(logging.DEBUG) else None
    log.error("%s: %s (%s)", what, one_line(error), type(error).__name__, exc_info=exc_info)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a compute device or this process ran out of memory. Does not import torch."""
    names = {each.__name__ for each in type(error).__mro__}
    return bool(names & {"OutOfMemoryError", "MemoryError"}) or (
        isinstance(error, RuntimeError) and "out of memory" in str(error).lower()
    )
