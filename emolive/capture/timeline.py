"""One continuous time for the streams of a file, whatever its time stamps say.

A recorder that was restarted, a joined file or a damaged one has stamps that jump, by seconds or by hours. A
short gap is what it says: nothing was recorded. A long one, or one backwards, is a fault of the stamps unless
another stream goes on through it: what follows is read as if it followed at once.
"""

from __future__ import annotations

import heapq
import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from emolive.clock import NS_PER_S, to_ns, to_s
from emolive.types import AudioBlock, Frame

MAX_GAP_NS = to_ns(10.0)
"""A longer gap in all streams is a jump of the stamps."""
_BACK_NS = to_ns(1.0)
"""Stamps that go back by less are the unrest of a container."""
_SAME_NS = to_ns(0.5)

OnJump = Callable[[int, int], None]
"""Called with the time of a jump and its length, both in nanoseconds."""


class StreamClock:
    """Corrects the stamps of one stream. They are in nanoseconds from the file's time 0.

    Args:
        covered_ns: how far the other stream reaches; None if there is none, or if it does not say.
        on_jump: called for each jump that was taken out.
    """

    def __init__(self, covered_ns: int | None, on_jump: OnJump) -> None:
        self._covered_ns = covered_ns
        self._on_jump = on_jump
        self._shift_ns = 0
        self._shifts = [0]

    def place(self, due_ns: int, expected_ns: int) -> int:
        """The time of a frame.

        Args:
            due_ns: its stamp.
            expected_ns: where the frame before it ends, as placed.
        """
        t_ns = due_ns + self._shift_ns
        if -_BACK_NS <= t_ns - expected_ns <= MAX_GAP_NS:
            return t_ns
        for shift_ns in self._shifts:
            # Single wrong stamps: those behind them are as they were before.
            if abs(due_ns + shift_ns - expected_ns) < _SAME_NS:
                self._shift_ns = shift_ns
                return due_ns + shift_ns
        if t_ns > expected_ns and (self._covered_ns is None or t_ns <= self._covered_ns + _BACK_NS):
            # The other stream fills the gap, or jumps as well, which `merge` finds.
            return t_ns
        self._on_jump(expected_ns, t_ns - expected_ns)
        self._shift_ns = expected_ns - due_ns
        self._shifts = [*self._shifts[-7:], self._shift_ns]
        return expected_ns


def merge(
    streams: Iterable[Iterator[Frame | AudioBlock]], on_jump: OnJump, start_ns: int = 0
) -> Iterator[Frame | AudioBlock]:
    """All items in the order of their `t_ns`, without the gaps that all streams have in common if longer than
    `MAX_GAP_NS`.

    Args:
        streams: each in the order of its time.
        on_jump: called for each gap that was taken out.
        start_ns: where they begin.
    """
    end_ns, skipped_ns = start_ns, 0
    step_ns, frame_ns = NS_PER_S // 30, 0
    for item in heapq.merge(*streams, key=operator.attrgetter("t_ns")):
        t_ns = item.t_ns - skipped_ns
        if t_ns - end_ns > MAX_GAP_NS:
            on_jump(end_ns, t_ns - end_ns)
            skipped_ns += t_ns - end_ns
            t_ns = end_ns
        if isinstance(item, Frame):
            if 0 < t_ns - frame_ns < NS_PER_S:
                step_ns = t_ns - frame_ns
            frame_ns = t_ns
            end_ns = max(end_ns, t_ns + step_ns)
        else:
            end_ns = max(end_ns, t_ns + len(item.samples) * NS_PER_S // item.rate_hz)
        yield replace(item, t_ns=t_ns) if skipped_ns else item


def describe_jump(name: str, at_ns: int, length_ns: int) -> str:
    """A sentence about a jump of the stamps of the file `name`."""
    length_s = abs(to_s(length_ns))
    unit, size = next((u, s) for u, s in (("h", 3600), ("min", 60), ("s", 1)) if length_s >= s or s == 1)
    way = "ahead" if length_ns > 0 else "back"
    return (
        f"The time stamps of {name} jump {way} by {length_s / size:.3g} {unit} at {to_s(at_ns):.1f} s: "
        "what follows is read as if it followed at once."
    )
