"""Durations and sizes for people."""

from __future__ import annotations


def duration_text(seconds: float) -> str:
    """A time in one unit: 0.3 s, 40 s, 12 min, 27 h."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.0f} h"


def size_text(n_bytes: float) -> str:
    """A size in one unit: 12 KB, 3.4 MB, 1.9 GB."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes / 1e3:.0f} KB"
