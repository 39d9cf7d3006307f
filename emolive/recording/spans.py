"""Spans of a file that a person has labelled."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from emolive import bounded_json
from emolive.atomic_io import atomic_write
from emolive.errors import ConfigError, MediaError, OutputError
from emolive.models import checks as check
from emolive.recording.folder import SPANS_NAME, default_parent, is_recording, safe_name
from emolive.recording.rows import read_time

MIN_SPAN_S = 0.2
"""A shorter span is a slip of the fingers."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From when to when a label holds, in seconds of the file."""

    start_s: float
    end_s: float
    label: str


def add_span(spans: Iterable[Span], new: Span) -> tuple[Span, ...]:
    """The spans with another one, which replaces what it overlaps.

    Raises:
        ConfigError: the span is shorter than `MIN_SPAN_S`.
    """
    if new.end_s - new.start_s < MIN_SPAN_S:
        raise ConfigError(f"A span must last at least {MIN_SPAN_S:g} s: set its end further on.")
    kept: list[Span] = []
    for span in spans:
        before = replace(span, end_s=min(span.end_s, new.start_s))
        after = replace(span, start_s=max(span.start_s, new.end_s))
        kept += [part for part in (before, after) if part.end_s - part.start_s >= MIN_SPAN_S]
    return tuple(sorted({*kept, new}))


def add_spans(spans: Iterable[Span], new: Iterable[Span]) -> tuple[Span, ...]:
    """The spans with others, each of which replaces what it overlaps."""
    result = tuple(spans)
    for span in new:
        result = add_span(result, span)
    return result


def remove_span(spans: Iterable[Span], at_s: float) -> tuple[Span, ...]:
    """The spans without the one at a time."""
    return tuple(span for span in spans if not span.start_s <= at_s < span.end_s)


def spans_path(source: Path) -> Path:
    """Where the spans of a file are kept: in the recording's folder, or among the user's videos."""
    if is_recording(source):
        return source / SPANS_NAME
    digest = sha256(str(source.absolute()).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return default_parent() / "spans" / f"{safe_name(source.name)[:40]}-{digest}.json"


def load_spans(path: Path) -> tuple[Span, ...]:
    """The saved spans; none without a file.

    Raises:
        MediaError: the file is damaged.
    """
    try:
        return tuple(sorted(map(_read_span, bounded_json.read(path))))
    except FileNotFoundError:
        return ()
    except (ConfigError, OSError, ValueError, KeyError, TypeError) as error:
        raise MediaError(f"The spans in {path} cannot be read: the file is damaged.") from error


def _read_span(row: Any) -> Span:
    start_s, end_s = read_time("start_s", row["start_s"]), read_time("end_s", row["end_s"])
    if end_s <= start_s:
        raise ValueError("a span ends before it begins")
    return Span(start_s, end_s, check.text("label", row["label"]))


def save_spans(path: Path, spans: Iterable[Span]) -> None:
    """Save spans.

    Raises:
        OutputError: they cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent} cannot be created: {error.strerror}.") from error
    with atomic_write(path) as part:
        part.write_text(json.dumps([asdict(span) for span in spans], indent=1) + "\n", encoding="utf-8")
