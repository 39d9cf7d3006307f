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


FAULTY_SEEDS = {"settings": 101679, "configuration": 100122}
"""Of longer runs, by format."""


def test_every_format_has_its_turn() -> None:
    assert {**MODELS, **OTHERS}.keys() == FORMATS.keys()


@pytest.mark.skipif(sys.platform == "win32", reason="the memory of a process is limited by setrlimit")
@pytest.mark.parametrize("counts", [MODELS, OTHERS], ids=["models", "others"])
def test_changed_files_are_read_or_refused_in_a_sentence(counts: dict[str, int], tmp_path: Path) -> None:
    """In a process of its own, since a native reader could end it."""
    out = fuzz(tmp_path, [f"{name}:{count}" for name, count in counts.items()])
    assert all(f"{name}: 0 of {count} failed" in out for name, count in counts.items())


@pytest.mark.skipif(sys.platform == "win32", reason="the memory of a process is limited by setrlimit")
def test_what_was_found_stays_mended(tmp_path: Path) -> None:
    out = fuzz(tmp_path, [f"{name}:1:{seed}" for name, seed in FAULTY_SEEDS.items()])
    assert all(f"{name}: 0 of 1 failed" in out for name in FAULTY_SEEDS)


def fuzz(folder: Path, formats: list[str]) -> str:
    """What a run writes; it must not fail."""
    command = [sys.executable, "-m", "tests.fuzz.run_fuzz", str(folder), *formats]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
