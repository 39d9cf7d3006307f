from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emolive.file_analyzer import FileAnalyzer
from emolive.models.io import checkpoint
from emolive.predictor import Predictor
from training import plots
from training.cli import evaluate


def test_results_are_written_printed_and_plotted(
    trained: Path, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--checkpoint", str(trained / "model.safetensors"), "--annotations", str(clips)]
    out = tmp_path / "out.json"
    extra = ["--robustness", "--plots", str(tmp_path / "plots")]
    assert evaluate([*arguments, "--baseline", "person", "--json", str(out), *extra]) == 0
    results = json.loads(out.read_text())
    assert results["baseline"] == "person"
    # Two neutral clips of each of the four actors serve as a calibration.
    assert results["n"] == len(results["rows"]) == 36 - 8
    assert sum(map(sum, results["confusion"])) == results["n"]
    for row in results["rows"]:
        assert sum(row["probs"].values()) == pytest.approx(1, abs=1e-6)
    correct = [max(row["probs"], key=row["probs"].get) == row["label"] for row in results["rows"]]
    assert results["top1"] == pytest.approx(np.mean(correct))
    assert results["top1_percent"] == pytest.approx(100 * results["top1"])
    conditions = {"both", "audio only", "video only", "noise for audio", "noise for video"}
    assert set(results["robustness"]) == conditions
    files = {p.name for p in (tmp_path / "plots").iterdir()}
    assert files == {"confusion.png", "reliability.png", "actors.png"}
    assert "top-1" in capsys.readouterr().out


def test_checkpoints_are_compared(
    trained: Path, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = str(trained / "model.safetensors"), tmp_path / "out.json"
    assert evaluate(["compare", model, model, "--annotations", str(clips), "--json", str(out)]) == 0
    first, second = json.loads(out.read_text())
    assert (first["p_against_first"], second["p_against_first"]) == (None, 1.0)
    assert first["top1"] == second["top1"]
    assert capsys.readouterr().out.count(f"{model} learned from ") == 1, "said once, by name"


def test_a_clip_has_the_probabilities_that_analyze_gives(trained: Path, clips: Path, tmp_path: Path) -> None:
    alone = tmp_path / "one.csv"
    name = "a3_happy_1.wav"
    alone.write_text(f"id,video,audio,label,actor,split\nx,,{clips.parent / name},happy,3,\n")
    arguments = ["--checkpoint", str(trained / "model.safetensors"), "--annotations", str(alone)]
    out = tmp_path / "one.json"
    assert evaluate([*arguments, "--allow-outside", "--json", str(out)]) == 0
    ours = json.loads(out.read_text())["rows"][0]["probs"]
    analyzer = FileAnalyzer(Predictor(checkpoint.load(trained / "model.safetensors")))
    *_, summary = analyzer.analyze(clips.parent / name)
    assert ours == pytest.approx(summary.to_dict()["probs"], abs=1e-5)


def test_plots_of_labels_in_any_script_warn_of_nothing(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    plots.confusion(tmp_path / "p.png", np.eye(2, dtype=np.int64), ("生气", "😀"), "平静")
    assert (tmp_path / "p.png").stat().st_size > 1000
    assert not [str(warning.message) for warning in recwarn if "Glyph" in str(warning.message)]


def test_wrong_options_are_refused_before_torch_is_imported() -> None:
    code = (
        "import sys\n"
        "from training.cli import evaluate\n"
        "code = evaluate(sys.argv[1:])\n"
        "sys.exit(1 if 'torch' in sys.modules else code)\n"
    )
    for wrong in (
        ["--checkpoint", "x.safetensors", "--annotations", "a.csv"],
        ["compare", "x.safetensors", "y.safetensors", "--annotations", "a.csv"],
        ["ferplus", "faces", "--checkpoint", "x.safetensors"],
        ["strangers", "clips", "--baseline", "mine"],
    ):
        command = [sys.executable, "-c", code, *wrong]
        done = subprocess.run(
            command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--annotations", "a.csv"], "--checkpoint is missing"),
        (["--checkpoint", "x", "--annotations", "a.csv", "--workers", "-1"], "--workers must be"),
        (["--checkpoint", "x", "--annotations", "a.csv", "--baseline", "mine"], "--baseline must be one of"),
        (["--checkpoint", "nowhere.safetensors", "--annotations", "a.csv"], "no checkpoint nowhere"),
        (["compare", "x.safetensors", "--annotations", "a.csv"], "at least two checkpoints"),
        (["--checkpoint", __file__, "--annotations", "a.csv"], "no annotation file a.csv"),
        (
            ["--checkpoint", __file__, "--annotations", __file__, "--json", "nowhere/out.json"],
            "nowhere/out.json cannot be written",
        ),
        (["ferplus", "faces", "--checkpoint", __file__, "--json", "nowhere/o.json"], "nowhere/o.json cannot"),
        (["strangers", "clips", "--json", "nowhere/o.json"], "nowhere/o.json cannot be written"),
        (["evaluat"], "no command evaluat"),
    ],
)
def test_options_that_do_not_fit_are_one_line_on_stderr(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert evaluate(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
