"""A table for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from emolive.printable import printable
from emolive.sinks.base import TextSink
from emolive.types import Estimate, FileSummary

_BAR_CHARS = 20
_N_LIKELIEST = 3


class TableSink(TextSink):
    """A line per estimate: time, displayed label, its probability as a bar, the three likeliest labels, the
    streams that it is based on and hints about them.

    A file's summary is two lines: the window in the middle, and the shares of all displayed labels.
    """

    def __init__(self, target: Path | TextIO | None = None) -> None:
        super().__init__(target)
        self._source: str | None = None

    def write(self, estimate: Estimate) -> None:
        if estimate.source != self._source:
            self._source = estimate.source
            self.out.write(f"{printable(estimate.source)} · {estimate.fusion}\n")
        when = estimate.window if isinstance(estimate, FileSummary) else f"{estimate.t_s:.2f} s"
        bar = "█" * round(_BAR_CHARS * estimate.confidence)
        likeliest = _percentages(dict(zip(estimate.labels, estimate.probs, strict=True)), _N_LIKELIEST)
        based_on = ", ".join((estimate.modality.title, *estimate.hints))
        self.out.write(f"{when:>9}  {estimate.label:<10} {bar:<{_BAR_CHARS}} {likeliest}  [{based_on}]\n")
        if isinstance(estimate, FileSummary):
            self.out.write(f"{'shares':>9}  {_percentages(estimate.shares, len(estimate.shares))}\n")
        self.out.flush()


def _percentages(shares: Mapping[str, float], n: int) -> str:
    largest = sorted(shares.items(), key=lambda item: -item[1])[:n]
    return "  ".join(f"{label} {share:4.0%}" for label, share in largest)
