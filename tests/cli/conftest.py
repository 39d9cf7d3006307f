"""Runs `emolive` in this process, on models with random weights and in an empty folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emolive.cli import main


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The JSON lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> str:
        """The one line of a command that failed before it wrote anything."""
        assert self.code == 2, self
        assert "Traceback" not in self.err
        (line,) = self.err.splitlines()
        assert line.startswith("emolive: ")
        assert self.out == ""
        return line


Run = Callable[..., Result]


def environment() -> dict[str, str]:
    """Of processes that run the code of this folder, whatever their working folder is."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture(autouse=True)
def _working_folder(shipped_random: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EMOLIVE_ASSETS", str(shipped_random))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture(autouse=True)
def _one_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    """ "auto" builds and measures each runtime, which takes longer than most commands here; child processes
    do, and `tests/models/test_runtimes.py` tests what it chooses."""
    from emolive.models.runtimes import autotune

    monkeypatch.setattr(autotune, "NAMES", ("folded",))


@pytest.fixture
def emolive(capsys: pytest.CaptureFixture[str]) -> Run:
    """`emolive("analyze", path)` runs a command."""

    def run(*arguments: object) -> Result:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return run


@pytest.fixture
def bad_media(tmp_path: Path, clips: dict[str, Path]) -> dict[str, Path]:
    """Paths that cannot be played, by what is wrong with them."""
    paths = {name: tmp_path / f"{name}.mp4" for name in ("missing", "empty", "text", "zeros", "picture")}
    paths["empty"].write_bytes(b"")
    paths["text"].write_text("This is no film. " * 100)
    paths["zeros"].write_bytes(bytes(10_000))
    paths["picture"].write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    paths["folder"] = tmp_path / "folder.mp4"
    paths["folder"].mkdir()
    paths["cut"] = tmp_path / "cut.mkv"
    paths["cut"].write_bytes(clips["video_only"].read_bytes()[:300])
    paths["pipe"] = tmp_path / "pipe.mp4"
    os.mkfifo(paths["pipe"])
    return paths


BAD_CHECKPOINTS = (
    *("missing", "folder", "empty", "truncated", "header", "text", "foreign", "pickled"),
    "plain-pickle",
)


@pytest.fixture
def bad_checkpoint(tmp_path: Path, random_checkpoint: Callable[..., Path]) -> Callable[[str], Path]:
    """`bad_checkpoint(kind)`: a path that is not a valid checkpoint, for each of BAD_CHECKPOINTS."""
    import pickle

    import torch
    from safetensors.torch import save_file

    def make(kind: str) -> Path:
        path = tmp_path / f"{kind}.safetensors"
        content = random_checkpoint("ia").read_bytes()
        if kind == "folder":
            path.mkdir()
        elif kind == "foreign":
            save_file({"weight": torch.zeros(3)}, path)
        elif kind == "pickled":
            torch.save({"state_dict": {"a": torch.zeros(2)}}, path)
        elif kind != "missing":
            path.write_bytes(
                {
                    "empty": b"",
                    "truncated": content[: len(content) // 2],
                    "header": content[:20],
                    "text": b"not weights at all",
                    "plain-pickle": pickle.dumps({"a": 1}),
                }[kind]
            )
        return path

    return make
