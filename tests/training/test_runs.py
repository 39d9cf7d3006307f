from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from emolive.file_analyzer import FileAnalyzer
from emolive.models.io import checkpoint
from emolive.models.spec import EMOTIONS
from emolive.predictor import Predictor
from emolive.types import MODALITIES
from preprocessing.annotations import Annotations, ClipEntry
from training import config
from training.cli import evaluate, train
from training.data_module import fold_of

COMMAND = [sys.executable, "-m", "training.cli"]


@pytest.fixture(scope="module")
def trained(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that has learned what there is to learn."""
    folder = tmp_path_factory.mktemp("run") / "result"
    options = (
        "--width 0.25 --shifts 3 --batch_size 8 --learning_rate 0.01 --test_actors 3 --validation_actors 4"
    )
    arguments = [
        "--annotation_path",
        str(clips),
        *options.split(),
        "--n_epochs",
        "25",
        "--result-path",
        str(folder),
    ]
    assert train(arguments) == 0
    return folder


def test_a_trained_model_is_right_and_says_where_it_comes_from(trained: Path, clips: Path) -> None:
    loaded = checkpoint.load(trained / "model.safetensors")
    assert loaded.spec.labels == EMOTIONS
    assert loaded.provenance["data"]["actors"] == ["1", "2"]
    assert loaded.provenance["data"]["testing_actors"] == ["3"]
    assert Predictor(loaded).video_stats.within_speaker_std.min() > 0
    figures = json.loads((trained / "result.json").read_text())["figures"]
    assert figures["running"]["av"]["uar"] > 0.8
    with (trained / "log.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == [str(n) for n in range(1, 26)]


def test_evaluation_is_written_shown_and_drawn(
    trained: Path, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--checkpoint", str(trained / "model.safetensors"), "--annotations", str(clips)]
    out = tmp_path / "out.json"
    extra = ["--robustness", "--pictures", str(tmp_path / "pictures")]
    assert evaluate([*arguments, "--baseline", "person", "--json", str(out), *extra]) == 0
    result = json.loads(out.read_text())
    assert result["baseline"] == "person"
    # Two neutral clips of each of the four actors stand for a calibration.
    assert result["n"] == len(result["rows"]) == 36 - 8
    assert sum(map(sum, result["confusion"])) == result["n"]
    for row in result["rows"]:
        assert sum(row["probs"].values()) == pytest.approx(1, abs=1e-6)
    best = [max(row["probs"], key=row["probs"].get) == row["label"] for row in result["rows"]]
    assert result["top1"] == pytest.approx(np.mean(best))
    assert result["top1_percent"] == pytest.approx(100 * result["top1"])
    assert set(result["robustness"]) == {
        "both",
        "audio only",
        "video only",
        "noise for audio",
        "noise for video",
    }
    assert {p.name for p in (tmp_path / "pictures").iterdir()} == {
        "confusion.png",
        "reliability.png",
        "actors.png",
    }
    assert "top-1" in capsys.readouterr().out
    model = str(trained / "model.safetensors")
    assert evaluate(["compare", model, model, "--annotations", str(clips)]) == 0


def test_evaluation_reads_a_clip_as_analyze_does(trained: Path, clips: Path, tmp_path: Path) -> None:
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


def run(arguments: list[str], **kwargs: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, *arguments], env=dict(os.environ), **kwargs)  # type: ignore[call-overload,no-any-return]


def losses(folder: Path) -> list[float]:
    with (folder / "log.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def test_a_killed_run_goes_on_to_the_same_bits(small: list[str], tmp_path: Path) -> None:
    atomic_write, cut = tmp_path / "whole", tmp_path / "cut"
    options = [*small, "--test_actors", "3", "--n_epochs", "15"]
    assert train([*options, "--result_path", str(atomic_write)]) == 0
    child = run([*options, "--result_path", str(cut)], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (cut / "last.pt").exists() and time.monotonic() < deadline and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    state = torch.load(cut / "last.pt", weights_only=True)
    assert 1 <= state["progress"]["epoch"] < 15
    assert train(["--resume_path", str(cut)]) == 0
    a, b = (checkpoint.load(folder / "model.safetensors").net.state_dict() for folder in (atomic_write, cut))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_two_processes_learn_as_one(small: list[str], tmp_path: Path) -> None:
    """The same global batch, augmentation and all; but dropout layers draw in each process for themselves."""
    options = [*small, "--test_actors", "3", "--n_epochs", "4", "--dropout", "0"]
    options += ["--fusion", "lt", "--late", "0.5", "--p_video", "0.3", "--p_audio", "0.3", "--mixup", "0.4"]
    # In float32 Adam makes large steps of rounding errors, wherever a gradient is nearly nothing.
    options += ["--precision", "64-true"]
    for devices in ("1", "2"):
        arguments = [*options, "--devices", devices, "--result_path", str(tmp_path / devices)]
        assert run(arguments, stdout=subprocess.DEVNULL).wait(170) == 0
    one, two = losses(tmp_path / "1"), losses(tmp_path / "2")
    assert one[-1] != one[0]
    assert np.allclose(one, two, rtol=1e-5)


def test_half_precision_reaches_the_whole_network(small: list[str], tmp_path: Path) -> None:
    options = [*small, "--n_epochs", "1", "--dropout", "0"]
    for name in ("32-true", "bf16-mixed"):
        assert train([*options, "--precision", name, "--result_path", str(tmp_path / name)]) == 0
    both = ["--precision", "bf16-mixed", "--devices", "2", "--result_path", str(tmp_path / "both")]
    assert run([*options, *both], stdout=subprocess.DEVNULL).wait(170) == 0
    exact, half, shared = (losses(tmp_path / name)[0] for name in ("32-true", "bf16-mixed", "both"))
    assert half != exact
    assert half == pytest.approx(exact, rel=0.05)
    assert shared == pytest.approx(exact, rel=0.05)


def test_crossval_tests_everybody_and_gives_figures_to_a_model(small: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "cv"
    options = [*small, "--n_epochs", "2", "--result_path", str(folder)]
    assert train(["crossval", *options, "--scheme", "2fold"]) == 0
    found = json.loads((folder / "crossval.json").read_text())
    assert set(found["figures"]) == {"none", "neutral", "running", "person"}
    assert set(found["figures"]["person"]["av"]["per_actor_top1"]) == {"1", "2", "3", "4"}
    before = (folder / "fold1" / "heldout.npz").stat().st_mtime_ns
    assert train(["crossval", *options, "--scheme", "2fold"]) == 0
    assert (folder / "fold1" / "heldout.npz").stat().st_mtime_ns == before
    final = tmp_path / "final"
    figures = ["--figures", str(folder / "crossval.json"), "--licence", "for tests"]
    assert train([*small, "--n_epochs", "1", *figures, "--result_path", str(final)]) == 0
    loaded = checkpoint.load(final / "model.safetensors")
    told = dict(zip(MODALITIES, loaded.net.temperature.tolist(), strict=True))
    assert told == pytest.approx(found["temperature"])
    assert loaded.provenance["figures"]["figures"] == found["figures"]
    assert loaded.provenance["licence"] == "for tests"


def test_the_reference_recipe_and_the_config_file(small: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "reference"
    options = [
        "--recipe",
        "reference",
        "--n-epochs",
        "1",
        "--result-path",
        str(folder),
        "--shifts",
        "3",
    ]
    assert train([*small[:2], *options, "--width", "0.25", "--fusion", "ia"]) == 0
    stored = json.loads((folder / "config.json").read_text())["options"]
    assert (stored["mask"], stored["batch_size"], stored["learning_rate"]) == ("softhard", 8, 0.04)
    again = tmp_path / "again"
    assert train(["--config", str(folder / "config.json"), "--result_path", str(again)]) == 0
    a, b = (checkpoint.load(f / "model.safetensors").net.state_dict() for f in (folder, again))
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (["--learning_rate", "-1"], "from 1e-09"),
        (["--learning_rate", "nan"], "from 1e-09"),
        (["--n_epochs", "0"], "--n_epochs"),
        (["--fusion", "xx"], "no fusion named"),
        (["--num_heads", "5"], "heads"),
        (["--n_classes", "5"], "--n_classes is 5"),
        (["--test_actors", "99"], "no actor 99"),
        (["--fold", "5fold"], "--fold wants|cannot be split"),
        (["--config", "nowhere.json"], "not the config.json"),
        (["--resume_path", "nowhere"], "not the config.json"),
        (["--baseline_shares", "1,2"], "three numbers"),
        (["--batch_size", "9", "--devices", "2"], "must divide"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str], told: str
) -> None:
    assert train([*small, *extra, "--dry_run", "--result_path", str(tmp_path / "r")]) == 2
    error = capsys.readouterr().err
    assert re.search(told, error)
    assert "Traceback" not in error
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("actors", "split", "tested", "validated"),
    [
        (range(1, 25), "", ["5", "10", "16", "19"], ["11", "13", "18", "22"]),
        # Without the published validation actors: the first turn of the rotation.
        (range(1, 11), "", ["1", "2", "3", "4"], ["5", "6", "7", "8"]),
        (range(1, 5), "", None, None),
        (range(1, 25), "training", None, None),
    ],
)
def test_the_reference_recipe_splits_as_published_unless_told_otherwise(
    actors: range, split: str, tested: list[str] | None, validated: list[str] | None
) -> None:
    items = tuple(ClipEntry(f"{a}", "v", "", "happy", f"{a:02}", split) for a in actors)
    annotations = Annotations(items, Path())
    fold = fold_of(config.options_from({"recipe": "reference"}), annotations)
    assert (fold and list(fold.testing)) == tested
    assert (fold and list(fold.validation)) == validated
    assert fold_of(config.options_from({}), annotations) is None


@pytest.mark.parametrize("extra", [["--no_such_option"], ["--mask", "sofhard"], ["--n_epochs", "many"]])
def test_unknown_options_exit_with_2(small: list[str], extra: list[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        train([*small, *extra])
    assert raised.value.code == 2


def test_a_dry_run_writes_nothing(small: list[str], tmp_path: Path) -> None:
    assert train([*small, "--dry_run", "--result_path", str(tmp_path / "r")]) == 0
    assert not (tmp_path / "r").exists()


def test_a_loss_that_is_not_finite_stops_the_run(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wild = [
        "--recipe",
        "reference",
        "--learning_rate",
        "10",
        "--weight_decay",
        "10",
        "--n_epochs",
        "30",
    ]
    assert train([*small[:4], *wild, "--result_path", str(tmp_path / "r")]) == 2
    assert "not finite" in capsys.readouterr().err


def test_a_second_run_does_not_write_over_the_first(
    trained: Path, small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert train([*small, "--result_path", str(trained)]) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert train(["--resume_path", str(trained), "--learning_rate", "0.5"]) == 2
    assert "learning_rate" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["parent", "absolute", "link", "linked folder"])
def test_no_command_follows_a_path_out_of_the_folder(
    trained: Path, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    sound = clips.parent / "a1_happy_0.wav"
    (tmp_path / "out.wav").write_bytes(sound.read_bytes())
    (home / "link.wav").symlink_to(sound)
    (home / "folder").symlink_to(clips.parent)
    entry = {
        "parent": "../out.wav", "absolute": str(sound), "link": "link.wav",
        "linked folder": "folder/a1_happy_0.wav",
    }[kind]  # fmt: skip
    table = home / "a.csv"
    table.write_text(f"id,video,audio,label,actor,split\nx,,{entry},happy,1,\ny,,{entry},angry,1,\n")
    assert train(["--annotation_path", str(table), "--result_path", str(tmp_path / "r")]) == 2
    assert "row 2: audio leaves the folder" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
    model = str(trained / "model.safetensors")
    assert evaluate(["--checkpoint", model, "--annotations", str(table)]) == 2
    assert "row 2: audio leaves the folder" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["empty", "text", "short"])
def test_a_damaged_clip_is_named(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    content = {
        "empty": b"",
        "text": b"not a sound",
        "short": (clips.parent / "a1_happy_0.wav").read_bytes()[:30],
    }
    (tmp_path / "bad.wav").write_bytes(content[damage])
    rows = "".join(f"{i},,bad.wav,{label},{i},\n" for i, label in enumerate(("happy", "angry")))
    (tmp_path / "a.csv").write_text("id,video,audio,label,actor,split\n" + rows)
    assert train(["--annotation_path", str(tmp_path / "a.csv"), "--result_path", str(tmp_path / "r")]) == 2
    assert "The clip 0 cannot be used" in capsys.readouterr().err
