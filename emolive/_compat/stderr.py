"""Suppresses what native libraries print to stderr while they start."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_lock = threading.RLock()


def keep_python_stderr() -> None:
    """Let Python write to the present target of descriptor 2 by a descriptor of its own.

    From then on what our other threads say is not lost while native libraries are kept quiet.
    """
    try:
        is_shared = sys.stderr.fileno() == 2
    except (OSError, ValueError, AttributeError):
        # There is none, or it writes elsewhere already.
        return
    if not is_shared:
        return
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    sys.stderr.flush()
    # Never closed: what is said last is said while the process ends.
    sys.stderr = open(  # noqa: SIM115
        os.dup(2), "w", buffering=1, encoding=encoding, errors="backslashreplace", closefd=False
    )


@contextmanager
def suppress_native_stderr() -> Iterator[None]:
    """Redirect file descriptor 2 to the null device: MediaPipe logs there, and no option of it prevents that.

    Affects the whole process, so keep it short. Python's own messages go on, see `keep_python_stderr`.
    """
    keep_python_stderr()
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
