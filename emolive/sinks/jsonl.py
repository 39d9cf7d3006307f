"""JSON lines."""

from __future__ import annotations

from typing import Any

from emolive.printable import printable_json
from emolive.sinks.base import TextSink
from emolive.types import Estimate


class JsonlSink(TextSink):
    """One JSON object per line, `Estimate.to_dict`, flushed after each."""

    def write(self, estimate: Estimate) -> None:
        self.write_record(estimate.to_dict())

    def write_record(self, record: dict[str, Any]) -> None:
        """Write a row: the values of `Estimate.to_dict`, and any others."""
        self.out.write(printable_json(record) + "\n")
        self.out.flush()
