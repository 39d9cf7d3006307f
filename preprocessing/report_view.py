"""Prints reports to a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from emolive.models.spec import EMOTIONS
from preprocessing import output as names
from preprocessing.records import KINDS, DatasetIndex, Issue
from preprocessing.report import Report, count_clips

MAX_ROWS = 8
"""Issues of one kind that are printed; the report file has all."""
_HEADINGS = {
    "missing": "Missing",
    "packed": "Packed and not read",
    "corrupt": "Corrupt",
    "duplicated": "Duplicated",
    "faceless": "Without a face",
    "turned": "Upside down",
    "silent": "Silent",
    "misnamed": "Misnamed",
}


def print_report(report: Report, console: Console) -> None:
    """Print the report on an output folder."""
    _print_counts(report.counts, console)
    for sentence in _sentences(report):
        console.print(sentence, highlight=False, soft_wrap=True)
    _print_issues(report.issues, f", see {names.REPORT}", console)


def print_index(index: DatasetIndex, console: Console) -> None:
    """Print the clips of a data set, before anything is extracted."""
    _print_counts(count_clips(index), console)
    if index.skipped:
        console.print(_skipped(index.skipped), highlight=False, soft_wrap=True)
    _print_issues(index.issues, "", console)


def _print_counts(counts_by_actor: Mapping[str, Mapping[str, int]], console: Console) -> None:
    labels = {label for counts in counts_by_actor.values() for label in counts}
    columns = [label for label in EMOTIONS if label in labels] + sorted(labels - set(EMOTIONS))
    table = Table("actor", *map(escape, columns), "all", title="Clips", title_justify="left")
    for actor, counts in counts_by_actor.items():
        cells = [str(counts.get(label, "")) for label in columns]
        table.add_row(escape(actor) or "-", *cells, str(sum(counts.values())))
    if len(counts_by_actor) > 1:
        totals = [sum(counts.get(label, 0) for counts in counts_by_actor.values()) for label in columns]
        table.add_section()
        table.add_row("all", *map(str, totals), str(sum(totals)))
    console.print(table)


def _print_issues(issues: Sequence[Issue], where: str, console: Console) -> None:
    for kind in KINDS:
        of_kind = [issue for issue in issues if issue.kind == kind]
        if not of_kind:
            continue
        console.print(f"[bold]{_HEADINGS[kind]}: {len(of_kind)}[/bold]", highlight=False)
        for issue in of_kind[:MAX_ROWS]:
            console.print(f"  {escape(issue.clip)}: {escape(issue.text)}", highlight=False, soft_wrap=True)
        if len(of_kind) > MAX_ROWS:
            console.print(f"  and {len(of_kind) - MAX_ROWS} more{where}", highlight=False)
    if not issues:
        console.print("No issues.")


def _sentences(report: Report) -> list[str]:
    lines = [f"{report.done} of {report.clips} clips are done."]
    if sum(report.frames.values()):
        lines.append(
            f"Crops: {report.frames['measured']} with a face, {report.frames['filled']} filled from "
            f"neighbours in {len(report.gaps)} clips, {report.frames['padded']} padded in "
            f"{report.short} short clips."
        )
    if report.landmark_frames:
        share = report.landmark_faces / report.landmark_frames
        lines.append(
            f"Landmarks: a face in {report.landmark_faces} of {report.landmark_frames} frames ({share:.1%})."
        )
    if report.audio_sources:
        titles = {"track": "own track", "file": "audio file next to it", "none": "none"}
        parts = [f"{titles[source]} {n}" for source, n in report.audio_sources.items()]
        reason = f" ({report.silent_tracks} own tracks are silent)" if report.silent_tracks else ""
        lines.append(f"Audio from: {', '.join(parts)}{reason}.")
    if report.skipped:
        lines.append(_skipped(report.skipped))
    return lines


def _skipped(skipped: Mapping[str, int]) -> str:
    return f"Skipped: {', '.join(f'{what} {n}' for what, n in skipped.items())}."
