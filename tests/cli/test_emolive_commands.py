"""The `emolive` command line: which command runs, its errors, and the smaller commands."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import get_args

import pytest

from emolive.cli import model_options
from emolive.cli.app import EMOLIVE
from emolive.cli.commands import load
from emolive.errors import EmoliveError
from emolive.models.runtimes.base import BACKENDS
from emolive.normalization import MODES
from emolive.plugins import isolated_plugins
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["analyze", "x.mp4", "--fusion", "xy"], "no fusion named xy: choose lt, it, ia"),
        (["run", "--headless", "--fusion", "xy"], "no fusion named xy: choose lt, it, ia"),
        (["analyze", "x.mp4", "--baseline", "odd"], "must be one of none, neutral, running, not odd"),
        (["analyze", "x.mp4", "--format", "xml"], "no output format named xml: choose jsonl, csv, table"),
        (["analyze", "x.mp4", "--device", "abacus"], "abacus"),
        (["analyze"], "FILE is missing. See emolive analyze --help."),
        (["frobnicate"], "There is no command frobnicate. See emolive --help."),
        (["analyse", "x.mp4"], "There is no command analyse; did you mean analyze?"),
        (["analyze", "x.mp4", "--frobnicate"], "There is no option --frobnicate"),
        (["analyze", "x.mp4", "--formt", "csv"], "There is no option --formt; did you mean --format?"),
        (["run", "--headless", "--duration", "soon"], "--duration must be a number above 0, not soon"),
        (["run", "--headless", "--duration", "-1"], "--duration must be a number above 0, not -1"),
        (["run", "--headless", "--duration", "nan"], "--duration must be a number above 0, not nan"),
        (["run", "--unpaced"], "--headless"),
        (["run", "--headless", "--counters", "x.json"], "--counters measures the window"),
        (["run", "--headless", "--screenshot", "x.png"], "--screenshot shows the window"),
        (["analyze", "x.mp4", "--neutral", "y.mp4", "--baseline", "none"], "combined with --baseline none"),
        (["run", "--backend", "fast"], "fast"),
        (["run", "--headless", "--source", "no such camera"], "no such camera"),
        (["run", "--headless", "--source", "97"], "97"),
        (["run", "--headless", "--source", "demo", "--mic", "no such microphone"], "microphone"),
        (["run", "--headless", "--source", "none", "--mic", "none"], "neither"),
        (["run", "--headless", "--source", ""], "source"),
        (["run", "--headless", "--source", "gopher://x/y"], "gopher"),
        (["run", "--headless", "--source", "demo", "--jsonl", "no/such/folder/f"], "no/such/folder/f"),
        (["run", "--headless", "--source", "demo", "--jsonl", "."], "cannot be written"),
        (["run", "run"], "There is an argument too many: run"),
        (["analyze", "x.mp4", "--out", "no/such/folder/f"], "no/such/folder/f"),
        (["analyze", "x.mp4", "--out", "."], "folder"),
        (["import-checkpoint", "missing.pth"], "missing.pth"),
        (["import-checkpoint", "x.safetensors"], "not a published checkpoint"),
        (["describe", "missing.safetensors"], "missing.safetensors"),
        (["--plugin", "missing.py", "run"], "There is no plug-in missing.py"),
        (["bench", "--rounds", "0"], "--rounds must be a whole number from 1 to 10000, not 0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_are_one_line_and_exit_code_2(emolive: Run, arguments: list[str], message: str) -> None:
    assert message in emolive(*arguments).error
    assert list(Path.cwd().iterdir()) == []


def test_help_lists_all_commands(emolive: Run) -> None:
    for arguments in (["--help"], ["-h"]):
        result = emolive(*arguments)
        assert (result.code, result.err) == (0, "")
        for name in (*(command.name for command in EMOLIVE.commands), "train", "evaluate", "preprocess"):
            assert f"  {name} " in result.out
        assert "--source" in result.out


@pytest.mark.parametrize("command", EMOLIVE.commands, ids=lambda command: command.name)
def test_every_command_and_option_is_described(emolive: Run, command: object) -> None:
    result = emolive(command.name, "--help")  # type: ignore[attr-defined]
    assert result.code == 0
    usage, description, *_ = result.out.split("\n\n")
    assert usage.startswith(f"usage: emolive {command.name} ")  # type: ignore[attr-defined]
    assert description.endswith(".")
    lines = result.out.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("  --"):
            described = len(line) > 24 and "  " in line[4:].strip()
            assert described or following.startswith(" " * 24), f"{line} has no help"


def test_version(emolive: Run) -> None:
    assert emolive("--version").out.startswith("emolive 0.")


def test_choices_match_those_of_the_library() -> None:
    assert get_args(model_options.Baseline) == MODES
    assert get_args(model_options.Backend) == BACKENDS


def test_commands_of_packages_that_are_not_installed(emolive: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: ())
    line = emolive("train", "--epochs", "3").error
    assert "The command train is not installed" in line
    assert "pip install" in line


def test_commands_of_installed_packages_get_their_arguments(
    emolive: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("train", "tests.cli.test_emolive_commands:echo", "emolive.commands")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: (point,))
    result = emolive("train", "--epochs", "3")
    assert (result.code, result.out) == (7, "--epochs 3\n")


def echo(argv: list[str]) -> int:
    print(*argv)  # noqa: T201
    return 7


def test_entry_points_lead_to_functions() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    commands = project["entry-points"]["emolive.commands"]
    assert set(commands) == set(EMOLIVE.external)
    for name, target in commands.items():
        assert project["scripts"][f"emolive-{name}"] == target
        assert callable(load(target))


def test_plugins_add_choices(emolive: Run, tmp_path: Path) -> None:
    plugin = tmp_path / "fourth.py"
    plugin.write_text(
        "from emolive.plugins import FUSIONS\n\n@FUSIONS.register('fourth')\nclass Fourth: ...\n"
    )
    with isolated_plugins():
        error = emolive("analyze", "x.mp4", "--fusion", "fifth", "--plugin", plugin).error
        assert "choose lt, it, ia, fourth" in error


def test_benchmarks_outside_a_checkout(emolive: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda n: None if n == "benchmarks" else find_spec(n))
    assert "folder benchmarks of the repository" in emolive("bench").error


def test_devices(emolive: Run) -> None:
    result = emolive("devices")
    assert result.code == 0
    assert "cameras" in result.out
    assert "microphones" in result.out
    result = emolive("devices", "--json")
    assert result.code == 0
    assert set(json.loads(result.out)) == {"cameras", "microphones"}


def test_describe(emolive: Run, random_checkpoint: Callable[..., Path]) -> None:
    result = emolive("describe", random_checkpoint("it"))
    assert result.code == 0
    description = json.loads(result.out)
    assert (description["spec"]["fusion"], description["spec"]["landmarker"]) == ("it", "dlib68")
    assert description["provenance"] == {"data": "none: random weights"}


@pytest.mark.parametrize("fusion", ["lt", "it", "ia"])
def test_a_published_checkpoint_is_imported(emolive: Run, parity: Path, tmp_path: Path, fusion: str) -> None:
    out = tmp_path / "mine.safetensors"
    result = emolive("import-checkpoint", parity / f"{fusion}_1head.pth", "--out", out)
    assert (result.code, result.err) == (0, "")
    assert f"{fusion} with 1 head\n" in result.out
    assert json.loads(emolive("describe", out).out)["spec"]["fusion"] == fusion


@pytest.mark.parametrize(
    "options", [["--heads", "0"], ["--fusion", "lt"], ["--fusion", "xy"], ["--heads", "7"]], ids=" ".join
)
def test_a_published_checkpoint_that_contradicts_the_options(
    emolive: Run, parity: Path, tmp_path: Path, options: list[str]
) -> None:
    out = tmp_path / "mine.safetensors"
    assert emolive("import-checkpoint", parity / "ia_1head.pth", "--out", out, *options).error
    assert not out.exists()


@pytest.mark.parametrize("kind", ["folder", "empty", "text", "plain-pickle", "pickled", "header"])
def test_files_that_are_not_published_checkpoints(
    emolive: Run, tmp_path: Path, bad_checkpoint: Callable[[str], Path], kind: str
) -> None:
    path = bad_checkpoint(kind)
    out = tmp_path / "mine.safetensors"
    assert path.name in emolive("import-checkpoint", path, "--out", out).error
    assert not out.exists()


@pytest.mark.parametrize("arguments", [["--help"], ["devices", "--help"], ["frobnicate"], ["--version"]])
def test_the_command_line_alone_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys, contextlib\n"
        "from emolive.cli import main\n"
        "with contextlib.suppress(SystemExit): main(sys.argv[1:])\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'PySide6', 'cv2', 'training')))"
    )
    process = subprocess.run([sys.executable, "-c", code, *arguments], check=False, capture_output=True)
    assert process.returncode == 0


def test_the_python_api_gives_the_same_rows(emolive: Run, clips: dict[str, Path]) -> None:
    import emolive as package

    assert [e.to_dict() for e in package.analyze(clips["audio_only"], fusion="it")] == (
        emolive("analyze", clips["audio_only"], "--fusion", "it").rows
    )
    with pytest.raises(EmoliveError):
        list(package.analyze("missing.mp4"))
    with pytest.raises(AttributeError):
        _ = package.nothing
