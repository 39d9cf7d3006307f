"""Fixtures of the capture tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.media import FRAMES_MS, chirp, write_media


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lossless file with numbered images every 40 ms and a chirp of 1.2 s."""
    path = tmp_path_factory.mktemp("media") / "clip.mkv"
    return write_media(path, frame_ms=FRAMES_MS, sound=chirp(1.2), codec="ffv1")
