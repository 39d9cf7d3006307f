"""Changed files of every format end in success or in one sentence, within a limited memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.run_fuzz import FORMATS

MODELS = {"checkpoint": 120, "backbone": 30, "onnx": 30, "published": 12}
OTHERS = {
    "baseline": 300,
    "annotations": 300,
    "landmarks": 120,
    "settings": 100,
    "configuration": 30,
    "spans": 200,
    "recording": 200,
    "archives": 200,
    "media": 150,
}


def test_every_format_has_its_turn() -> None:
    assert {**MODELS, **OTHERS}.keys() == FORMATS.keys()


@pytest.mark.skipif(sys.platform == "win32", reason="the memory of a process is limited by setrlimit")
@pytest.mark.parametrize("counts", [MODELS, OTHERS], ids=["models", "others"])
def test_changed_files_are_read_or_refused_in_a_sentence(counts: dict[str, int], tmp_path: Path) -> None:
    """In a process of its own, since a native reader could end it."""
    formats = [f"{name}:{count}" for name, count in counts.items()]
    command = [sys.executable, "-m", "tests.fuzz.run_fuzz", str(tmp_path), *formats]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert all(f"{name}: 0 of {count} failed" in done.stdout for name, count in counts.items())
