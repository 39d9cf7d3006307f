"""The report on an output folder: counts and issues."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import Any

from preprocessing import output as names
from preprocessing.annotations import actor_order
from preprocessing.output import OutputFolder
from preprocessing.records import KINDS, DatasetIndex, Issue, Record, Step


@dataclass(frozen=True, slots=True)
class Report:
    """The state of an output folder."""

    clips: int
    """Clips of the data set."""
    done: int
    counts: dict[str, dict[str, int]]
    """Clips by actor and label."""
    issues: tuple[Issue, ...]
    skipped: dict[str, int]
    audio_sources: dict[str, int]
    """Clips by where their audio comes from: track, file or none."""
    frames: dict[str, int]
    """Crops by kind: measured, filled, padded."""
    silent_tracks: int
    """Clips with a silent audio track, whose audio file was used instead."""
    gaps: dict[str, int]
    """Filled crops, by the clips that have any."""
    short: int
    """Clips that are shorter than the window."""
    landmark_frames: int
    """Frames in which landmarks were searched."""
    landmark_faces: int
    """Frames among them with a face."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def build_report(output: OutputFolder, index: DatasetIndex, *, thorough: bool = False) -> Report:
    """Summarise the index and the records.

    Args:
        output: the folder.
        index: the clips that it is to hold.
        thorough: also read every file and compare it with its record.
    """
    records = list(output.records(index))
    issues = list(index.issues)
    for record in records:
        issues += dict.fromkeys(issue for step in record.steps.values() for issue in step.issues)
        issues += [
            Issue("corrupt", record.clip.id, f"{name} was changed or removed after it was written.")
            for name in output.damaged_files(record, thorough=thorough)
        ]
    issues += _duplicates(records)
    faces = {record.clip.id: record.steps["faces"].stats for record in records if "faces" in record.steps}
    audio = [record.steps["audio"].stats for record in records if "audio" in record.steps]
    return Report(
        clips=len(index.clips),
        done=len(records),
        counts=count_clips(index),
        issues=tuple(sorted(issues, key=lambda i: (KINDS.index(i.kind), i.clip, i.text))),
        skipped=index.skipped,
        audio_sources=dict(sorted(Counter(stats.get("audio_source", "none") for stats in audio).items())),
        silent_tracks=sum(stats.get("track_is_silent", False) for stats in audio),
        frames={
            kind: sum(stats.get(kind, 0) for stats in faces.values())
            for kind in ("measured", "filled", "padded")
        },
        gaps={name: stats["filled"] for name, stats in faces.items() if stats.get("filled")},
        short=sum(stats.get("padded", 0) > 0 for stats in faces.values()),
        landmark_frames=sum(stats.get("frames", 0) for stats in faces.values()),
        landmark_faces=sum(stats.get("frames_with_face", 0) for stats in faces.values()),
    )


def count_clips(index: DatasetIndex) -> dict[str, dict[str, int]]:
    """Clips by actor and label."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for clip in index.clips:
        counts[clip.actor][clip.label] += 1
    return {actor: dict(counts[actor]) for actor in sorted(counts, key=actor_order)}


def _duplicates(records: list[Record]) -> list[Issue]:
    """Clips with the same crops or the same audio as an earlier clip."""
    issues = []
    parts: tuple[tuple[Step, str, str], ...] = (
        ("faces", f"{names.CROPS}/", "face crops"),
        ("audio", f"{names.FULL_AUDIO}/", "audio"),
    )
    for step, folder, what in parts:
        first: dict[str, str] = {}
        for record in records:
            result = record.steps.get(step)
            if result is None or any(issue.kind == "silent" for issue in result.issues):
                continue
            for name, (_, digest) in result.files.items():
                if not name.startswith(folder) or name.endswith(".mask.npy"):
                    continue
                if first.get(digest, record.clip.id) != record.clip.id:
                    text = f"It has the same {what} as {first[digest]}."
                    issues.append(Issue("duplicated", record.clip.id, text))
                first.setdefault(digest, record.clip.id)
    return issues
