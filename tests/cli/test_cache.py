"""`emolive cache`."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from emolive.cli import main

filelock = pytest.importorskip("filelock")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sets of windows, one of them old, a converted model, and a file that is nobody's."""
    monkeypatch.setenv("EMOLIVE_HOME", str(tmp_path))
    for name in ("old", "new"):
        folder = tmp_path / "windows" / name
        folder.mkdir(parents=True)
        for file, content in (("index.json", b"{}"), ("audio.npy", bytes(2_000_000)), ("lock", b"")):
            (folder / file).write_bytes(content)
    then = time.time() - 10 * 86_400
    for file in (tmp_path / "windows" / "old").iterdir():
        os.utime(file, (then, then))
    (tmp_path / "windows" / "mine").mkdir()
    (tmp_path / "windows" / "mine" / "clip.wav").write_bytes(b"mine")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "model.onnx").write_bytes(b"x" * 1000)
    return tmp_path


def test_the_size_is_shown(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache"]) == 0
    printed = capsys.readouterr().out
    assert "sets of windows: 2, 4.0 MB" in printed
    assert "converted models: 1, 1 KB" in printed
    assert f"total: 4.0 MB in {home / 'windows'}" in printed


def test_it_is_cleared_but_for_what_is_being_written(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with filelock.FileLock(home / "windows" / "new" / "lock"):
        assert main(["cache", "clear"]) == 0
    printed = capsys.readouterr().out
    assert "new is being written and stays" in printed
    assert {path.name for path in (home / "windows").iterdir()} == {"new", "mine"}
    assert not list((home / "cache").iterdir())
    assert main(["cache", "clear", "--folder", str(home / "windows")]) == 0
    assert "Deleted 2.0 MB" in capsys.readouterr().out
    assert (home / "windows" / "mine" / "clip.wav").read_bytes() == b"mine"


def test_what_is_old_is_cleared(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "clear", "--unused_days", "5"]) == 0
    assert {path.name for path in (home / "windows").iterdir()} == {"new", "mine"}
    assert main(["cache", "show", "--folder", "nowhere"]) == 2
    assert "There is no folder nowhere" in capsys.readouterr().err
