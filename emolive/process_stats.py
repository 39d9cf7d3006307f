"""What this process has used of the machine."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_rss_bytes() -> int | None:
    """The most memory that this process ever held; None where the system does not tell."""
    try:
        # Linux's getrusage would count what the process that started this one held at that moment.
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most
