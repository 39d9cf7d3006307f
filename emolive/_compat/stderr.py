"""Keeps what native libraries print while they start off people's terminals."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_one_at_a_time = threading.RLock()


@contextmanager
def suppress_native_stderr() -> Iterator[None]:
    """Send file descriptor 2 to nowhere: MediaPipe logs there, and no setting of its own stops it.

    For a moment only, since it is the whole process's; Python's own messages are flushed first.
    """
    # Two at once could take the other's nowhere for what is to be restored.
    with _one_at_a_time:
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()
        try:
            kept = os.dup(2)
        except OSError:
            yield
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)
