"""Comma-separated values."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, TextIO

from emolive.sinks.base import TextSink
from emolive.types import UNSURE, Estimate


class CsvSink(TextSink):
    """A header, then one row per estimate.

    Probabilities are in columns p_LABEL, the hints in one column with spaces between. Summary rows also fill
    `window` and share_LABEL.
    """

    def __init__(self, target: Path | TextIO | None = None) -> None:
        super().__init__(target)
        self._writer: csv.DictWriter[str] | None = None

    def write(self, estimate: Estimate) -> None:
        self.write_record(estimate.to_dict())

    def write_record(self, record: dict[str, Any]) -> None:
        """Write a row: the values of `Estimate.to_dict`, and any others."""
        record = dict(record)
        probs, shares = record.pop("probs"), record.pop("shares", {})
        row = {"window": "", **record, "hints": " ".join(record.get("hints", ()))}
        row |= {f"p_{label}": f"{p:.6f}" for label, p in probs.items()}
        row |= {f"share_{label}": "" for label in (*probs, UNSURE)}
        row |= {f"share_{label}": f"{share:.6f}" for label, share in shares.items()}
        if self._writer is None:
            columns = [*(name for name in row if name != "window"), "window"]
            self._writer = csv.DictWriter(self.out, columns, extrasaction="ignore", restval="")
            self._writer.writeheader()
        self._writer.writerow(row)
        self.out.flush()
