"""Figures as a table, as Markdown, as JSON, and beside those of an earlier run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.results import Found, Measurement
from emolive.atomic_io import atomic_write
from emolive.errors import EmoliveError

COLUMNS = ("what", "measured", "target", "note")


def text_of(value: float | None, unit: str = "") -> str:
    """Three digits that count, and the unit."""
    if value is None:
        return "–"
    shown = f"{float(f'{value:.3g}'):g}"
    return f"{shown}{unit if unit == '×' else f' {unit}' if unit else ''}"


def target_of(figure: Measurement) -> str:
    """The bound, and whether it holds."""
    if figure.target is None:
        return ""
    sign = {True: " ✓", False: " ✗", None: ""}[figure.held]
    return f"{'≥' if figure.at_least else '≤'} {text_of(figure.target, figure.unit)}{sign}"


def cells(figure: Measurement, old: Mapping[str, Any] | None) -> list[str]:
    """A row; with an earlier run its value and new over old come behind the measured one."""
    row = [figure.label, text_of(figure.value, figure.unit), target_of(figure), figure.note]
    if old is not None:
        before = old.get(figure.key, {}).get("value")
        ratio = figure.value / before if figure.value is not None and before else None
        row[2:2] = [text_of(before, figure.unit), text_of(ratio, "×")]
    return row


def headings(old: object) -> list[str]:
    names = list(COLUMNS)
    if old is not None:
        names[2:2] = ["before", "new / old"]
    return names


def print_table(figures: Iterable[Measurement], old: Mapping[str, Any] | None, console: Console) -> None:
    table = Table(show_lines=False)
    for name in headings(old):
        table.add_column(name, justify="left" if name in ("what", "note") else "right")
    for figure in figures:
        table.add_row(*cells(figure, old))
    console.print(table)


def markdown(
    figures: Iterable[Measurement], told: Mapping[str, Any], old: Mapping[str, Any] | None = None
) -> str:
    """A table for docs/performance.md, with what it was measured on below."""
    lines = [f"| {' | '.join(headings(old))} |", f"|{'---|' * len(headings(old))}"]
    lines += [f"| {' | '.join(cells(figure, old))} |" for figure in figures]
    packages = ", ".join(f"{name} {release}" for name, release in told["packages"].items())
    load = f"; load of the machine before: {told['load_before']}" if told["load_before"] is not None else ""
    lines += ["", f"{told['processor']}, {told['cores']} cores; {told['system']}; {packages}{load}."]
    return "\n".join(lines) + "\n"


def as_json(found: Found, told: Mapping[str, Any]) -> dict[str, Any]:
    """The summary on top, every figure by its key below."""
    figures = {f.key: {**asdict(f), "held": f.held} for f in found.figures}
    return {**found.top, "machine": dict(told), "figures": figures}


def save(path: Path, values: Mapping[str, Any]) -> None:
    """EmoliveError if it cannot be written."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n")


def load(path: Path) -> dict[str, Any]:
    """The figures of an earlier run by their keys. EmoliveError if the file is not one."""
    try:
        figures = json.loads(path.read_text())["figures"]
        if not all(isinstance(figure, dict) for figure in figures.values()):
            raise TypeError("figures")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise EmoliveError(f"{path} is not what `emolive bench --json` writes.") from error
    return dict(figures)
