"""Where the windows of a clip lie: in its middle, or over the whole length of a long one."""

from __future__ import annotations

from dataclasses import dataclass

from emolive.clock import to_ns
from emolive.models.spec import ModelSpec
from emolive.windowing import centre_window_end_ns


@dataclass(frozen=True, slots=True)
class PartSpan:
    """A part of a clip, handled as a clip of its own whose label is that of the whole."""

    start_ns: int
    end_ns: int
    centre_end_ns: int
    """End of the window in its middle, on the grid of bins."""


def part_spans(duration_s: float, spec: ModelSpec) -> list[PartSpan]:
    """As many equal parts of a clip as it has room for windows; one if it is shorter than two of them."""
    n = max(1, int(duration_s / spec.window_s + 1e-6))
    if n == 1:
        return [PartSpan(0, to_ns(duration_s), centre_window_end_ns(duration_s, spec))]
    bin_ns, part_ns = to_ns(spec.bin_s), to_ns(duration_s) / n
    spans = []
    for i in range(n):
        start_ns, end_ns = round(i * part_ns), round((i + 1) * part_ns)
        centre_ns = (start_ns + end_ns + to_ns(spec.window_s)) / 2
        spans.append(PartSpan(start_ns, end_ns, round(centre_ns / bin_ns) * bin_ns))
    return spans


def part_name(clip_id: str, number: int) -> str:
    """The id of a part: that of the clip for the first, with ".part2" for the second."""
    return f"{clip_id}.part{number + 1}" if number else clip_id
