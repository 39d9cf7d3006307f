"""Suppresses what native libraries print to stderr while they start."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_lock = threading.RLock()


@contextmanager
def suppress_native_stderr() -> Iterator[None]:
    """Redirect file descriptor 2 to the null device: MediaPipe logs there, and no option of it prevents that.

    Affects the whole process, so keep it short. Python's own messages are flushed first.
    """
    # Two at once could save the other's null device as the descriptor to restore.
    with _lock:
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()
        try:
            saved = os.dup(2)
        except OSError:
            yield
            return
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(null)
