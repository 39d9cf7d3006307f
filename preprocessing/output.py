"""The output folder of preprocessing: its file names, its plan, and the records of its clips."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from emolive import bounded_json
from emolive.atomic_io import atomic_write, remove_stale_parts
from emolive.errors import ConfigError, EmoliveError, OutputError
from preprocessing.records import FORMAT, DatasetIndex, PreprocessConfig, Record

_MAX_BYTES = 256 << 20
"""The plan lists every clip of a data set."""
PLAN = "plan.json"
REPORT = "report.json"
ANNOTATIONS = "annotations.csv"
LANDMARK_ANNOTATIONS = "annotations-landmarks.csv"
CROPS, LANDMARKS, AUDIO, FULL_AUDIO = "crops", "landmarks", "audio", "audio-whole"
RECORDS, CONTACT_SHEETS = "records", "contact-sheets"


class OutputFolder:
    """Writes and reads the files of an output folder.

    Args:
        root: the folder; it is created when the first file is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, data: bytes) -> tuple[int, str]:
        """Write a file atomically.

        Returns:
            Its size in bytes and its SHA-256.

        Raises:
            OutputError: the disk is full or the folder cannot be written to.
        """
        path = self.root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"The folder {path.parent} cannot be created: {error.strerror}.") from error
        with atomic_write(path) as part:
            part.write_bytes(data)
        return len(data), hashlib.sha256(data).hexdigest()

    def write_json(self, name: str, values: dict[str, Any]) -> None:
        """Write a JSON file atomically. OutputError as for `write`."""
        text = json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False)
        self.write(name, f"{text}\n".encode())

    def remove_stale_parts(self) -> None:
        """Remove half-written files of a run that was killed."""
        for folder in (".", CROPS, LANDMARKS, AUDIO, FULL_AUDIO, RECORDS, CONTACT_SHEETS):
            remove_stale_parts(self.root / folder)

    def save_plan(self, config: PreprocessConfig, index: DatasetIndex) -> None:
        """Write which clips the folder is to hold.

        Raises:
            ConfigError: it holds clips of another configuration.
        """
        if (self.root / PLAN).is_file():
            old, new = asdict(self.plan()[0]), asdict(config)
            for name in (name for name in new if old[name] != new[name]):
                raise ConfigError(
                    f"{self.root} holds clips with {name.replace('_', ' ')} {old[name]}, not {new[name]}: "
                    f"use the same value or another folder."
                )
        self.write_json(PLAN, {"format": FORMAT, "config": asdict(config), "index": index.to_dict()})

    def plan(self) -> tuple[PreprocessConfig, DatasetIndex]:
        """The configuration and the clips of the folder.

        Raises:
            ConfigError: preprocessing has not run into it, or with another version.
        """
        path = self.root / PLAN
        try:
            values = bounded_json.read(path, max_bytes=_MAX_BYTES)
            if values["format"] != FORMAT:
                raise ConfigError(f"{path} was written by another version: preprocess into a new folder.")
            return PreprocessConfig(**values["config"]), DatasetIndex.from_dict(values["index"])
        except FileNotFoundError:
            raise ConfigError(
                f"{self.root} holds no preprocessed clips: run emolive-preprocess ravdess or folder first."
            ) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{path} is damaged: delete it and run again.") from error

    def save_record(self, record: Record) -> None:
        """Write the record of a clip, after its files. OutputError as for `write`."""
        self.write_json(f"{RECORDS}/{record.clip.id}.json", record.to_dict())

    def record(self, clip_id: str) -> Record | None:
        """The record of a clip; None if the clip is not done or the record is damaged."""
        try:
            return Record.from_dict(bounded_json.read(self.root / RECORDS / f"{clip_id}.json"))
        except (OSError, ValueError, EmoliveError):
            return None

    def records(self, index: DatasetIndex) -> Iterator[Record]:
        """The records of the clips that are done, in the order of the index."""
        for clip in index.clips:
            if (record := self.record(clip.id)) is not None:
                yield record

    def damaged_files(self, record: Record, *, thorough: bool) -> Iterator[str]:
        """Names of a clip's files that are missing or changed.

        Args:
            record: of the clip.
            thorough: compare the content; otherwise only the size.
        """
        for step in record.steps.values():
            for name, (size, digest) in step.files.items():
                path = self.root / name
                intact = path.is_file() and path.stat().st_size == size
                if intact and thorough:
                    intact = hashlib.sha256(path.read_bytes()).hexdigest() == digest
                if not intact:
                    yield name
