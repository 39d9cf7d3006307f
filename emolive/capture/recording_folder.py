"""Which folder is a recording, and which of its files is played."""

from __future__ import annotations

from pathlib import Path

MEDIA_NAME = "recording.mp4"
SETTINGS_NAME = "settings.json"


def is_recording(path: Path) -> bool:
    """Whether a folder was written by `emolive.recording.recorder.Recorder`."""
    try:
        return path.is_dir() and (path / SETTINGS_NAME).is_file() and (path / MEDIA_NAME).is_file()
    except OSError:
        return False


def media_path(path: Path) -> Path:
    """The media file of a recording's folder; any other path unchanged."""
    return path / MEDIA_NAME if is_recording(path) else path
