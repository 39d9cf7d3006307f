"""JSON lines."""

from __future__ import annotations

from emolive.printable import printable_json
from emolive.sinks.base import TextSink
from emolive.types import Estimate


class JsonlSink(TextSink):
    """One JSON object per line, `Estimate.to_dict`, flushed after each."""

    def write(self, estimate: Estimate) -> None:
        self.out.write(printable_json(estimate.to_dict()) + "\n")
        self.out.flush()
