"""The folder that preprocessing fills: its names, its records, its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from emolive.atomic_io import atomic_write, remove_stale_parts
from emolive.errors import EmoliveError
from preprocessing.records import FORMAT, DatasetIndex, PreprocessConfig, Record

PLAN = "plan.json"
REPORT = "report.json"
ANNOTATIONS = "annotations.csv"
LANDMARK_ANNOTATIONS = "annotations-landmarks.csv"
CROPS, LANDMARKS, AUDIO, WHOLE_AUDIO = "crops", "landmarks", "audio", "audio-whole"
RECORDS, GRIDS = "records", "grids"


class Output:
    """OUT: what is written into it and read back from it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, data: bytes) -> tuple[int, str]:
        """Write a file at once, whole or not at all, and give its size and SHA-256.

        Raises:
            EmoliveError: the disk is full or the folder cannot be written.
        """
        path = self.root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmoliveError(f"The folder {path.parent} cannot be made: {error.strerror}.") from error
        with atomic_write(path) as part:
            part.write_bytes(data)
        return len(data), hashlib.sha256(data).hexdigest()

    def write_json(self, name: str, values: dict[str, Any]) -> None:
        text = json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False)
        self.write(name, f"{text}\n".encode())

    def remove_stale_parts(self) -> None:
        """Remove what a killed run left half written."""
        for folder in (".", CROPS, LANDMARKS, AUDIO, WHOLE_AUDIO, RECORDS, GRIDS):
            remove_stale_parts(self.root / folder)

    def save_plan(self, cut: PreprocessConfig, scan: DatasetIndex) -> None:
        """Say what this folder is to hold. EmoliveError if it holds clips of another cut."""
        if (self.root / PLAN).is_file():
            old, new = asdict(self.plan()[0]), asdict(cut)
            for name in (name for name in new if old[name] != new[name]):
                raise EmoliveError(
                    f"{self.root} holds clips with {name.replace('_', ' ')} {old[name]}, not {new[name]}: "
                    f"choose the same or another folder."
                )
        self.write_json(PLAN, {"format": FORMAT, "cut": asdict(cut), "scan": scan.to_dict()})

    def plan(self) -> tuple[PreprocessConfig, DatasetIndex]:
        """What this folder is to hold. EmoliveError if preprocessing never ran into it."""
        path = self.root / PLAN
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values["format"] != FORMAT:
                raise EmoliveError(f"{path} was written by another version: preprocess into a new folder.")
            return PreprocessConfig(**values["cut"]), DatasetIndex.from_dict(values["scan"])
        except FileNotFoundError:
            raise EmoliveError(
                f"{self.root} holds no preprocessed clips: run emolive-preprocess ravdess or folder first."
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EmoliveError(f"{path} cannot be read: delete it and run again.") from error

    def save_record(self, record: Record) -> None:
        self.write_json(f"{RECORDS}/{record.clip.id}.json", record.to_dict())

    def record(self, clip_id: str) -> Record | None:
        """What is known of a clip; None if it is not done, or the record is damaged."""
        try:
            text = (self.root / RECORDS / f"{clip_id}.json").read_text(encoding="utf-8")
            return Record.from_dict(json.loads(text))
        except (OSError, ValueError, EmoliveError):
            return None

    def records(self, scan: DatasetIndex) -> Iterator[Record]:
        """The records of a scan's clips that are done, in its order."""
        for clip in scan.clips:
            if (record := self.record(clip.id)) is not None:
                yield record

    def damaged(self, record: Record, *, thorough: bool) -> Iterator[str]:
        """Names of a clip's files that are gone or changed; by content if `thorough`, else by size."""
        for step in record.steps.values():
            for name, (size, digest) in step.files.items():
                path = self.root / name
                intact = path.is_file() and path.stat().st_size == size
                if intact and thorough:
                    intact = hashlib.sha256(path.read_bytes()).hexdigest() == digest
                if not intact:
                    yield name
