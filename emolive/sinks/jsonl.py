"""JSON lines."""

from __future__ import annotations

import json

from emolive.sinks.base import TextSink
from emolive.types import Estimate


class JsonlSink(TextSink):
    """One JSON object per line, `Estimate.to_dict`, flushed after each."""

    def write(self, estimate: Estimate) -> None:
        self.out.write(json.dumps(estimate.to_dict(), ensure_ascii=False, allow_nan=False) + "\n")
        self.out.flush()
