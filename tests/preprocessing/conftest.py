from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.small_clips import write_face


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two actors of RAVDESS, two clips each, one folder named in each of the usual ways."""
    root = tmp_path / "clips"
    write_face(root / "Actor_01/01-01-03-01-01-01-01.mp4", "happy", 220)
    write_face(root / "Actor_01/01-01-05-01-01-01-01.mp4", "angry", 230)
    write_face(root / "ACTOR02/01-01-03-01-01-01-02.mp4", "happy", 240, dimmer=20)
    write_face(root / "ACTOR02/01-01-04-01-01-01-02.mp4", "sad", 250, dimmer=20)
    return root
