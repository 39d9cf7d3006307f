"""What preprocessing found and made: counts, faults, and the same on a terminal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from emolive.models.spec import EMOTIONS
from preprocessing import output as names
from preprocessing.annotations import actor_order
from preprocessing.output import Output
from preprocessing.records import KINDS, DatasetIndex, Issue, Record, Step

SHOWN = 8
"""Faults of one kind that are listed on a terminal; the report's file holds all."""
_HEADINGS = {
    "missing": "Missing",
    "corrupt": "Corrupt",
    "duplicated": "Duplicated",
    "faceless": "Without a face",
    "silent": "Silent",
    "misnamed": "Mis-named",
}


@dataclass(frozen=True, slots=True)
class Report:
    """The state of OUT."""

    clips: int
    """Clips under ROOT."""
    done: int
    counts: dict[str, dict[str, int]]
    """Clips by actor and label."""
    faults: tuple[Issue, ...]
    left_out: dict[str, int]
    sound: dict[str, int]
    """Clips by where their sound came from: own, file or none."""
    frames: dict[str, int]
    """Crops by what they are: measured, filled, padded."""
    silent_tracks: int
    """Clips whose own track is silent, so that the sound file was taken."""
    gaps: dict[str, int]
    """Crops that repeat a neighbour, for each clip that has any."""
    short: int
    """Clips whose window reaches over their ends."""
    looked_at: int
    """Frames searched for landmarks."""
    with_face: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def build(output: Output, scan: DatasetIndex, *, thorough: bool = False) -> Report:
    """Put together what the scan and the records say.

    Args:
        output: OUT.
        scan: what it is to hold.
        thorough: also read every file again and compare it with its record.
    """
    records = list(output.records(scan))
    faults = list(scan.faults)
    for record in records:
        faults += dict.fromkeys(fault for step in record.steps.values() for fault in step.faults)
        faults += [
            Issue("corrupt", record.clip.id, f"{name} was changed or removed after it was written.")
            for name in output.damaged(record, thorough=thorough)
        ]
    faults += _same_content(records)
    faces = {record.clip.id: record.steps["faces"].facts for record in records if "faces" in record.steps}
    audio = [record.steps["audio"].facts for record in records if "audio" in record.steps]
    return Report(
        clips=len(scan.clips),
        done=len(records),
        counts=_counts(scan),
        faults=tuple(sorted(faults, key=lambda f: (KINDS.index(f.kind), f.clip, f.text))),
        left_out=scan.left_out,
        sound=dict(sorted(Counter(facts.get("sound", "none") for facts in audio).items())),
        silent_tracks=sum(facts.get("own_is_silent", False) for facts in audio),
        frames={
            kind: sum(facts.get(kind, 0) for facts in faces.values())
            for kind in ("measured", "filled", "padded")
        },
        gaps={name: facts["filled"] for name, facts in faces.items() if facts.get("filled")},
        short=sum(facts.get("padded", 0) > 0 for facts in faces.values()),
        looked_at=sum(facts.get("frames", 0) for facts in faces.values()),
        with_face=sum(facts.get("frames_with_face", 0) for facts in faces.values()),
    )


def _counts(scan: DatasetIndex) -> dict[str, dict[str, int]]:
    """Clips by actor and label."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for clip in scan.clips:
        counts[clip.actor][clip.label] += 1
    return {actor: dict(counts[actor]) for actor in sorted(counts, key=actor_order)}


def _same_content(records: list[Record]) -> list[Issue]:
    """Clips that give the same crops, or the same sound, as one before them."""
    faults = []
    parts: tuple[tuple[Step, str, str], ...] = (
        ("faces", f"{names.CROPS}/", "face crops"),
        ("audio", f"{names.WHOLE_AUDIO}/", "sound"),
    )
    for step, folder, what in parts:
        first: dict[str, str] = {}
        for record in records:
            result = record.steps.get(step)
            if result is None or any(fault.kind == "silent" for fault in result.faults):
                continue
            for name, (_, digest) in result.files.items():
                if not name.startswith(folder) or name.endswith(".mask.npy"):
                    continue
                if digest in first:
                    text = f"Gives the same {what} as {first[digest]}."
                    faults.append(Issue("duplicated", record.clip.id, text))
                first.setdefault(digest, record.clip.id)
    return faults


def show(report: Report, console: Console) -> None:
    """Print a report."""
    _show_counts(report.counts, console)
    for sentence in _sentences(report):
        console.print(sentence, highlight=False, soft_wrap=True)
    _show_faults(report.faults, f", in {names.REPORT}", console)


def show_scan(scan: DatasetIndex, console: Console) -> None:
    """Print what was found, before anything is cut."""
    _show_counts(_counts(scan), console)
    if scan.left_out:
        console.print(_left_out(scan.left_out), highlight=False, soft_wrap=True)
    _show_faults(scan.faults, "", console)


def _show_counts(counts_of: Mapping[str, Mapping[str, int]], console: Console) -> None:
    labels = {label for counts in counts_of.values() for label in counts}
    columns = [label for label in EMOTIONS if label in labels] + sorted(labels - set(EMOTIONS))
    table = Table("actor", *map(escape, columns), "all", title="Clips", title_justify="left")
    for actor, counts in counts_of.items():
        cells = [str(counts.get(label, "")) for label in columns]
        table.add_row(escape(actor) or "-", *cells, str(sum(counts.values())))
    if len(counts_of) > 1:
        sums = [sum(counts.get(label, 0) for counts in counts_of.values()) for label in columns]
        table.add_section()
        table.add_row("all", *map(str, sums), str(sum(sums)))
    console.print(table)


def _show_faults(faults: Sequence[Issue], where: str, console: Console) -> None:
    for kind in KINDS:
        found = [fault for fault in faults if fault.kind == kind]
        if not found:
            continue
        console.print(f"[bold]{_HEADINGS[kind]}: {len(found)}[/bold]", highlight=False)
        for fault in found[:SHOWN]:
            console.print(f"  {escape(fault.clip)}: {escape(fault.text)}", highlight=False, soft_wrap=True)
        if len(found) > SHOWN:
            console.print(f"  and {len(found) - SHOWN} more{where}", highlight=False)
    if not faults:
        console.print("No faults.")


def _sentences(report: Report) -> list[str]:
    lines = [f"{report.done} of {report.clips} clips are done."]
    if sum(report.frames.values()):
        lines.append(
            f"Crops: {report.frames['measured']} with a face, {report.frames['filled']} filled from "
            f"neighbours in {len(report.gaps)} clips, {report.frames['padded']} padded in "
            f"{report.short} short clips."
        )
    if report.looked_at:
        share = report.with_face / report.looked_at
        lines.append(f"Landmarks: a face in {report.with_face} of {report.looked_at} frames ({share:.1%}).")
    if report.sound:
        words = {"own": "own track", "file": "sound file beside it", "none": "none"}
        parts = [f"{words[kind]} {n}" for kind, n in report.sound.items()]
        because = f" ({report.silent_tracks} own tracks are silent)" if report.silent_tracks else ""
        lines.append(f"Sound from: {', '.join(parts)}{because}.")
    if report.left_out:
        lines.append(_left_out(report.left_out))
    return lines


def _left_out(left_out: Mapping[str, int]) -> str:
    return f"Left out: {', '.join(f'{what} {n}' for what, n in left_out.items())}."
