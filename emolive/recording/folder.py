"""The folder of a recording: its files, a name that is free, and what is read back from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import platformdirs

from emolive import bounded_json
from emolive.atomic_io import atomic_write
from emolive.capture.recording_folder import MEDIA_NAME, SETTINGS_NAME, is_recording, media_path
from emolive.errors import MediaError, OutputError
from emolive.paths import has_own_home, user_dir
from emolive.recording.rows import estimate_from_row
from emolive.types import Estimate

JSONL_NAME = "estimates.jsonl"
CSV_NAME = "estimates.csv"
SPANS_NAME = "spans.json"
FORMAT = 1
"""Version of `settings.json`."""

__all__ = ["MEDIA_NAME", "SETTINGS_NAME", "is_recording", "media_path"]


def default_parent() -> Path:
    """Where recordings are saved unless a folder is named: "emolive" among the user's videos."""
    if has_own_home():
        return user_dir() / "recordings"
    return Path(platformdirs.user_videos_dir()) / "emolive"


def create_folder(parent: Path, now: datetime | None = None) -> Path:
    """Create a folder named by date and time. An existing one is never used.

    Raises:
        OutputError: it cannot be created.
    """
    stem = f"{now or datetime.now():%Y-%m-%d_%H-%M-%S}"
    try:
        path = create_numbered(parent, stem)
    except OSError as error:
        raise OutputError(f"There is no place for a recording in {parent}: {error.strerror}.") from error
    if path is None:
        raise OutputError(f"{parent} is full of recordings of this second: try again.")
    return path


def create_numbered(parent: Path, stem: str) -> Path | None:
    """Create a folder named `stem`, or `stem`_2 to `stem`_999 if that is taken; None if all are.

    Raises:
        OSError: it cannot be created.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for number in range(1, 1000):
        path = parent / (stem if number == 1 else f"{stem}_{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    return None


def free_file(folder: Path, stem: str, suffix: str) -> Path:
    """A file name in a folder that is not taken.

    Raises:
        OutputError: the folder cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be created: {error.strerror}.") from error
    number = 1
    while (path := folder / f"{stem}{'' if number == 1 else f'_{number}'}{suffix}").exists():
        number += 1
    return path


def write_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Write `settings.json`.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_write(folder / SETTINGS_NAME) as part:
        part.write_text(json.dumps(settings, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as it is read back."""

    folder: Path
    settings: dict[str, Any]
    estimates: tuple[Estimate, ...]
    """With times in the media file: `t_ns` and `t_s` count from its beginning."""
    n_damaged_rows: int = 0
    """Rows that were cut off and are left out."""
    wall_times: tuple[str, ...] = field(default=())
    """The wall time of each estimate, ISO 8601."""

    @property
    def media(self) -> Path:
        return self.folder / MEDIA_NAME

    @property
    def complete(self) -> bool:
        """Whether it was ended, not cut off."""
        return bool(self.settings.get("ended"))


def read_recording(folder: Path) -> Recording:
    """Read the settings and estimates of a recording; one that was cut off too.

    Raises:
        MediaError: the folder is no recording.
    """
    if not is_recording(folder):
        raise MediaError(f"{folder} is no recording: it must hold {MEDIA_NAME} and {SETTINGS_NAME}.")
    try:
        settings = bounded_json.read(folder / SETTINGS_NAME)
    except (OSError, ValueError) as error:
        raise MediaError(f"{folder / SETTINGS_NAME} cannot be read: it is damaged.") from error
    if not isinstance(settings, dict):
        raise MediaError(f"{folder / SETTINGS_NAME} cannot be read: it is damaged.")
    estimates: list[Estimate] = []
    times: list[str] = []
    n_damaged = 0
    for row in _rows(folder / JSONL_NAME):
        estimate = None if row is None else estimate_from_row(row)
        if estimate is None:
            n_damaged += 1
            continue
        estimates.append(estimate)
        times.append(str((row or {}).get("wall_time", "")))
    return Recording(folder, settings, tuple(estimates), n_damaged, tuple(times))


def _rows(path: Path) -> Iterator[dict[str, Any] | None]:
    """The rows of a file of JSON lines; None for a damaged one."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            row = bounded_json.parse(line)
        except ValueError:
            row = None
        yield row if isinstance(row, dict) else None


def safe_name(text: str) -> str:
    """A text as a part of a file name."""
    return re.sub(r"[^\w.-]+", "_", text).strip("._") or "x"
