"""Measurements as a terminal table, Markdown or JSON, optionally next to those of an earlier run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.results import Measurement, Report
from emolive.atomic_io import atomic_write
from emolive.errors import ConfigError

COLUMNS = ("what", "measured", "target", "note")


def format_value(value: float | None, unit: str = "") -> str:
    """Three significant digits and the unit; a dash for no value."""
    if value is None:
        return "–"
    number = f"{float(f'{value:.3g}'):g}"
    return f"{number}{unit if unit == '×' else f' {unit}' if unit else ''}"


def format_target(measurement: Measurement) -> str:
    """The bound and whether it is met; empty without a target."""
    if measurement.target is None:
        return ""
    state = {True: " ✓", False: " (missed)", None: ""}[measurement.target_met]
    sign = "≥" if measurement.at_least else "≤"
    return f"{sign} {format_value(measurement.target, measurement.unit)}{state}"


def cells(measurement: Measurement, earlier: Mapping[str, Any] | None) -> list[str]:
    """The cells of one row; with an earlier run, its value and the ratio new / old follow the value."""
    row = [
        measurement.label,
        format_value(measurement.value, measurement.unit),
        format_target(measurement),
        measurement.note,
    ]
    if earlier is not None:
        before = earlier.get(measurement.key, {}).get("value")
        ratio = measurement.value / before if measurement.value is not None and before else None
        row[2:2] = [format_value(before, measurement.unit), format_value(ratio, "×")]
    return row


def headings(earlier: Mapping[str, Any] | None) -> list[str]:
    """Column headings that match `cells`."""
    names = list(COLUMNS)
    if earlier is not None:
        names[2:2] = ["before", "new / old"]
    return names


def missed_targets(measurements: Iterable[Measurement]) -> list[str]:
    """One sentence for each missed target: the measured value and the bottleneck."""
    return [
        f"{m.label.strip()}: {format_value(m.value, m.unit)}, target {format_value(m.target, m.unit)}. "
        + (m.bottleneck or "The bottleneck is unknown.")
        for m in measurements
        if m.target_met is False
    ]


def print_table(
    measurements: Iterable[Measurement], earlier: Mapping[str, Any] | None, console: Console
) -> None:
    """Print the table, and below it why targets were missed."""
    rows = list(measurements)
    table = Table(show_lines=False)
    for name in headings(earlier):
        table.add_column(name, justify="left" if name in ("what", "note") else "right")
    for measurement in rows:
        table.add_row(*cells(measurement, earlier))
    console.print(table)
    for sentence in missed_targets(rows):
        console.print(f"Missed: {sentence}", highlight=False)


def markdown(
    measurements: Iterable[Measurement],
    machine: Mapping[str, Any],
    earlier: Mapping[str, Any] | None = None,
) -> str:
    """The table as Markdown, followed by the missed targets and the machine."""
    rows = list(measurements)
    lines = [f"| {' | '.join(headings(earlier))} |", f"|{'---|' * len(headings(earlier))}"]
    lines += [f"| {' | '.join(cells(measurement, earlier))} |" for measurement in rows]
    if missed := missed_targets(rows):
        lines += ["", "Missed targets:", "", *(f"* {sentence}" for sentence in missed)]
    packages = ", ".join(f"{name} {release}" for name, release in machine["packages"].items())
    load = machine["load_before"]
    lines += [
        "",
        f"{machine['processor']}, {machine['cores']} cores; {machine['system']}; {packages}"
        + (f"; load average before the run: {load}." if load is not None else "."),
    ]
    return "\n".join(lines) + "\n"


def as_json(report: Report, machine: Mapping[str, Any]) -> dict[str, Any]:
    """The summary, the machine, and every measurement by its key."""
    figures = {m.key: {**asdict(m), "target_met": m.target_met} for m in report.measurements}
    return {**report.summary, "machine": dict(machine), "figures": figures}


def save(path: Path, values: Mapping[str, Any]) -> None:
    """Write JSON. Raises OutputError if the file cannot be written."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n")


def load(path: Path) -> dict[str, Any]:
    """The measurements of an earlier run by their keys.

    Raises:
        ConfigError: the file is missing or was not written by `save`.
    """
    try:
        figures = json.loads(path.read_text())["figures"]
        if not all(isinstance(figure, dict) for figure in figures.values()):
            raise TypeError("figures")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"{path} was not written by `emolive bench --json`.") from error
    return dict(figures)
