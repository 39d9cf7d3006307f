"""An estimate as a row, the same from a file and from a live session, and ways to write rows."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from emolive.atomic_io import atomic_write
from emolive.errors import EmoliveError
from emolive.types import Estimate, Modality

Row = dict[str, Any]
FORMATS = ("jsonl", "csv", "table")


def row(
    file: str,
    t_s: float,
    *,
    fusion: str,
    modality: Modality,
    labels: Sequence[str],
    probs: Sequence[float],
    label: str,
) -> Row:
    """One estimate. `confidence` is the probability of the likeliest label."""
    return {
        "file": file,
        "t_s": round(t_s, 3),
        "fusion": fusion,
        "modality": modality,
        "probs": dict(zip(labels, probs, strict=True)),
        "label": label,
        "confidence": max(probs),
    }


def live_row(estimate: Estimate, source: str) -> Row:
    """A live estimate with the monotonic stamps of its newest evidence and of the inference."""
    e = estimate
    return {
        **row(
            source, e.t_s, fusion=e.fusion, modality=e.modality, labels=e.labels, probs=e.probs, label=e.label
        ),
        "baseline": e.baseline,
        "capture_ns": e.stamps.capture_ns,
        "start_ns": e.stamps.start_ns,
        "end_ns": e.stamps.end_ns,
    }


class RowWriter(Protocol):
    def write(self, row: Row) -> None: ...


class JsonlWriter:
    """One JSON object a line, written through at once."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, row: Row) -> None:
        self._out.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._out.flush()


class CsvWriter:
    """A header from the first row; probabilities in columns named p_LABEL."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._writer: csv.DictWriter[str] | None = None

    def write(self, row: Row) -> None:
        flat = {key: value for key, value in row.items() if key != "probs"}
        flat.setdefault("summary", False)
        flat.update({f"p_{label}": f"{p:.6f}" for label, p in row["probs"].items()})
        if self._writer is None:
            self._writer = csv.DictWriter(self._out, list(flat), extrasaction="ignore", restval="")
            self._writer.writeheader()
        self._writer.writerow(flat)


class TableWriter:
    """Lines for people: when, what, how sure, and the three likeliest."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._file: str | None = None

    def write(self, row: Row) -> None:
        if row["file"] != self._file:
            self._file = row["file"]
            self._out.write(f"{self._file} · {row['fusion']}\n")
        when = "whole" if row.get("summary") else f"{row['t_s']:7.2f} s"
        best = sorted(row["probs"].items(), key=lambda item: -item[1])[:3]
        others = "  ".join(f"{label} {p:4.0%}" for label, p in best)
        bar = "█" * round(20 * row["confidence"])
        self._out.write(f"{when:>9}  {row['label']:<10} {bar:<20} {others}  [{row['modality']}]\n")
        self._out.flush()


def writer(form: str, out: TextIO) -> RowWriter:
    """The writer of a format in FORMATS."""
    makers: dict[str, type[JsonlWriter] | type[CsvWriter] | type[TableWriter]] = {
        "jsonl": JsonlWriter,
        "csv": CsvWriter,
        "table": TableWriter,
    }
    if form not in makers:
        raise EmoliveError(f"There is no format {form}: choose one of {', '.join(FORMATS)}.")
    return makers[form](out)


@contextmanager
def atomic_text_file(path: Path) -> Iterator[TextIO]:
    """A text file to write to, as `emolive.atomic_io.whole` has it.

    If nothing was written, or something was raised, whatever stood there stays as it was.

    Raises:
        EmoliveError: it cannot be written there.
    """
    # File names need not be text; what is not is escaped, as JSON escapes it.
    with atomic_write(path) as part:
        with part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as out:
            yield out
            empty = out.tell() == 0
        if empty:
            part.unlink()
