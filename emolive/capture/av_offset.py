"""Moving sound against picture, for devices and files whose streams are not in step.

Only ever one of the two is moved, and to later times: what is read until now is then complete in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from emolive.types import AudioBlock, Frame

MAX_OFFSET_MS = 2000.0
"""More than any device or recorder is off."""

Item = TypeVar("Item", Frame, AudioBlock)


def audio_shift_ns(offset_ns: int) -> int:
    """By how much sound is stamped later, for an offset of the sound (positive: it comes too early)."""
    return max(offset_ns, 0)


def video_shift_ns(offset_ns: int) -> int:
    """By how much frames are stamped later."""
    return max(-offset_ns, 0)


def shifted(items: Iterator[Item], by_ns: int) -> Iterator[Item]:
    """The frames or blocks of one stream, stamped `by_ns` later."""
    return (replace(item, t_ns=item.t_ns + by_ns) for item in items) if by_ns else items
