"""Resource usage of this process."""

from __future__ import annotations

import sys
from pathlib import Path


def rss_bytes() -> int | None:
    """The resident set size now; None where the system does not report it (all but Linux)."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    except (OSError, StopIteration):
        return None


def peak_rss_bytes() -> int | None:
    """The largest resident set size so far; None where the system does not report it."""
    try:
        # On Linux, getrusage counts the memory of the parent process at the time of the fork.
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
