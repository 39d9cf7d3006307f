"""The commands of docs/training.md for a custom data set, up to the bars of the live window."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from emolive.cli import main as emolive
from emolive.gui.main_window import MainWindow
from emolive.gui.services import Services
from emolive.models.io import checkpoint
from emolive.plugins import isolated_plugins
from emolive.session.config import SessionConfig
from emolive.session.session import Session
from preprocessing.cli import main as preprocess
from tests.helpers.small_clips import write_face
from training.cli import train

ROOT = Path(__file__).resolve().parents[2]

LABELS = ("awake", "bored", "keen")
FACES = {"awake": "surprised", "bored": "sad", "keen": "happy"}
COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "emolive": emolive,
    "emolive-preprocess": preprocess,
    "emolive-train": train,
}
SMALL = {
    "emolive-train": [
        "--n_epochs",
        "1",
        "--width",
        "0.25",
        "--shifts",
        "3",
        "--batch_size",
        "4",
        "--cache_path",
        "cache",
        "--conditions",
        "1",
    ],
    "emolive-preprocess": ["--size", "32", "--workers", "0"],
    "emolive": ["--format", "jsonl"],
}


def blocks(kind: str) -> list[str]:
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    section = text.partition("## Your own clips")[2].partition("\n## ")[0]
    matches = re.findall(r"^```(\w*)\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    return [block for language, block in matches if language == kind]


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    for i, actor in enumerate(("anna", "bert")):
        for j, label in enumerate(LABELS):
            path = tmp_path / f"clips/{actor}_{label}_1.mp4"
            write_face(path, FACES[label], 200 + 150 * j + 20 * i, dimmer=20 * i)
    with isolated_plugins():
        yield tmp_path


def run(commands: str) -> None:
    for line in commands.strip().splitlines():
        name, *arguments = shlex.split(line)
        assert COMMANDS[name]([*arguments, *SMALL[name]]) == 0, line


@pytest.mark.slow
@pytest.mark.parametrize("way", ["annotations", "class"])
def test_your_own_clips_reach_the_live_window(
    clips: Path, way: str, capsys: pytest.CaptureFixture[str], qtbot: QtBot, qapp: QApplication
) -> None:
    script, plugin = blocks("python")
    script_commands, plugin_commands = blocks("")
    if way == "annotations":
        exec(compile(script, "training.md", "exec"), {})
        run(script_commands)
    else:
        (clips / "my_clips.py").write_text(plugin)
        run(plugin_commands)

    (model,) = clips.glob("runs/*/model.safetensors")
    assert checkpoint.load(model).spec.labels == LABELS
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert rows[-1]["summary"] is True
    assert tuple(rows[-1]["probs"]) == LABELS

    services = Services(Session, lambda: (), lambda: (), lambda: ())
    config = SessionConfig(
        source=str(clips / "clips/anna_bored_1.mp4"), checkpoint=model, device="cpu", paced=False
    )
    window = MainWindow(config, services)
    window.show()
    window.begin()
    qtbot.waitUntil(lambda: sum(window.view.results.bars.values) > 0.9, timeout=60_000)
    assert window.view.results.bars.labels == LABELS
    assert window.view.timeline.labels == LABELS
    with qtbot.waitSignal(window.finished, timeout=60_000):
        window.close()
    window.deleteLater()
