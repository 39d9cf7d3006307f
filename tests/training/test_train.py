"""`emolive-train` from options to a checkpoint."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from emolive.models.io import checkpoint
from emolive.predictor import Predictor
from preprocessing.annotations import Annotations, ClipEntry
from tests.helpers.training_runs import losses, run_on
from training import config
from training.cli import evaluate, train
from training.data_module import fold_of


def test_a_trained_model_is_accurate_and_records_how_it_was_trained(trained: Path) -> None:
    loaded = checkpoint.load(trained / "model.safetensors")
    assert loaded.spec.labels == ("angry", "happy", "neutral")
    assert loaded.provenance["data"]["actors"] == ["1", "2"]
    assert loaded.provenance["data"]["testing_actors"] == ["3"]
    assert Predictor(loaded).video_stats.within_speaker_std.min() > 0
    results = json.loads((trained / "result.json").read_text())["figures"]
    assert results["running"]["av"]["uar"] > 0.8
    with (trained / "log.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == [str(n) for n in range(1, 26)]


HANGS_IN_THE_THIRD_EPOCH = """
import sys, time
from training.cli import train
from training.trainer import Trainer
run_epoch = Trainer.run_epoch
def hang(self, epoch, bar):
    if epoch == 2:
        print("hangs", flush=True)
        time.sleep(600)
    return run_epoch(self, epoch, bar)
Trainer.run_epoch = hang
sys.exit(train())
"""


def test_a_killed_run_resumes_to_the_same_weights(small: list[str], tmp_path: Path) -> None:
    uninterrupted, resumed = tmp_path / "uninterrupted", tmp_path / "resumed"
    options = [*small, "--test_actors", "3", "--n_epochs", "6"]
    assert train([*options, "--result_path", str(uninterrupted)]) == 0
    command = [sys.executable, "-c", HANGS_IN_THE_THIRD_EPOCH, *options, "--result_path", str(resumed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert "hangs\n" in child.stdout, "it ended before it could be killed"
        child.send_signal(signal.SIGKILL)
    state = torch.load(resumed / "last.pt", weights_only=True)
    assert state["progress"]["epoch"] == 2
    assert train(["--resume_path", str(resumed)]) == 0
    a, b = (
        checkpoint.load(folder / "model.safetensors").net.state_dict() for folder in (uninterrupted, resumed)
    )
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_two_processes_train_as_one(small: list[str], tmp_path: Path) -> None:
    """The same global batch with the same augmentation; only dropout draws differ between processes."""
    options = [*small, "--test_actors", "3", "--n_epochs", "4", "--dropout", "0", "--fusion", "lt"]
    options += ["--partial_window_prob", "0.5", "--p_video", "0.3", "--p_audio", "0.3", "--mixup", "0.4"]
    # In float32, Adam turns rounding errors into large steps wherever a gradient is nearly zero.
    options += ["--precision", "64-true"]
    for devices in (1, 2):
        assert run_on(devices, [*options, "--result_path", str(tmp_path / str(devices))]) == 0
    one, two = losses(tmp_path / "1"), losses(tmp_path / "2")
    assert one[-1] != one[0]
    assert np.allclose(one, two, rtol=1e-5)


def test_half_precision_applies_to_all_layers(small: list[str], tmp_path: Path) -> None:
    options = [*small, "--n_epochs", "1", "--dropout", "0"]
    for name in ("32-true", "bf16-mixed"):
        assert train([*options, "--precision", name, "--result_path", str(tmp_path / name)]) == 0
    both = ["--precision", "bf16-mixed", "--result_path", str(tmp_path / "both")]
    assert run_on(2, [*options, *both]) == 0
    exact, half, shared = (losses(tmp_path / name)[0] for name in ("32-true", "bf16-mixed", "both"))
    assert half != exact
    assert half == pytest.approx(exact, rel=0.05)
    assert shared == pytest.approx(exact, rel=0.05)


def test_the_published_recipe_and_its_configuration(small: list[str], tmp_path: Path) -> None:
    folder, again = tmp_path / "published", tmp_path / "again"
    options = ["--recipe", "published", "--n-epochs", "1", "--result-path", str(folder), "--shifts", "3"]
    options += ["--encoder", "landmarks", "--audio", "logmel"]
    assert train([*small[:2], *options, "--width", "0.25", "--fusion", "ia"]) == 0
    assert train(["--config", str(folder / "config.yaml"), "--result_path", str(again)]) == 0
    a, b = (checkpoint.load(f / "model.safetensors").net.state_dict() for f in (folder, again))
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--learning_rate", "-1"], "from 1e-09"),
        (["--learning_rate", "nan"], "from 1e-09"),
        (["--n_epochs", "0"], "--n-epochs"),
        (["--n_epochs", "many"], "--n-epochs must be"),
        (["--mask", "sofhard"], "--mask must be one of"),
        (["--no_such_option"], "no option --no-such-option"),
        (["--fusion", "xx"], "no fusion named"),
        (["--num_heads", "5"], "heads"),
        (["--n_classes", "5"], "--n-classes is 5"),
        (["--test_actors", "99"], "no actor 99"),
        (["--fold", "5fold"], "--fold needs|cannot be split"),
        (["--config", "nowhere.json"], "cannot be read"),
        (["--resume_path", "nowhere"], "not the result folder"),
        (["--baseline_shares", "1,2"], "three numbers"),
    ],
)
def test_options_that_do_not_fit_are_one_line_on_stderr(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str], message: str
) -> None:
    assert train([*small, *extra, "--dry_run", "--result_path", str(tmp_path / "r")]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("actors", "split", "tested", "validated"),
    [
        (range(1, 25), "", ["5", "10", "16", "19"], ["11", "13", "18", "22"]),
        # Without the published validation actors: the first fold of the rotation.
        (range(1, 11), "", ["1", "2", "3", "4"], ["5", "6", "7", "8"]),
        (range(1, 5), "", None, None),
        (range(1, 25), "training", None, None),
    ],
)
def test_the_published_recipe_has_the_published_split_if_there_is_no_other(
    actors: range, split: str, tested: list[str] | None, validated: list[str] | None
) -> None:
    items = tuple(ClipEntry(f"{a}", "v", "", "happy", f"{a:02}", split) for a in actors)
    annotations = Annotations(items, Path())
    fold = fold_of(config.from_values({"recipe": "published"}), annotations)
    assert (fold and list(fold.testing)) == tested
    assert (fold and list(fold.validation)) == validated
    assert fold_of(config.from_values({}), annotations) is None


def test_a_dry_run_writes_nothing(small: list[str], tmp_path: Path) -> None:
    assert train([*small, "--dry_run", "--result_path", str(tmp_path / "r")]) == 0
    assert not (tmp_path / "r").exists()


def test_a_loss_that_is_not_finite_stops_the_run(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--recipe", "published", "--learning_rate", "10", "--weight_decay", "10", "--n_epochs", "30"]
    options += ["--encoder", "landmarks", "--audio", "logmel"]
    assert train([*small[:4], *options, "--result_path", str(tmp_path / "r")]) == 2
    assert "not finite" in capsys.readouterr().err


def test_a_second_run_does_not_overwrite_the_first(
    trained: Path, small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert train([*small, "--result_path", str(trained)]) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert train(["--resume_path", str(trained), "--learning_rate", "0.5"]) == 2
    assert "learning_rate" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["text", "resumed", "format"])
def test_a_damaged_state_is_reported(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    (tmp_path / "config.yaml").write_bytes((trained / "config.yaml").read_bytes())
    content = (trained / "last.pt").read_bytes()
    (tmp_path / "last.pt").write_bytes(b"text" if damage == "text" else content[:-1000])
    if damage == "format":
        state = torch.load(trained / "last.pt", weights_only=True)
        torch.save({**state, "format": 1}, tmp_path / "last.pt")
    assert train(["--resume_path", str(tmp_path)]) == 2
    assert re.search("is damaged|another version", capsys.readouterr().err)


@pytest.mark.parametrize("kind", ["parent", "absolute", "link", "linked folder"])
def test_no_command_follows_a_path_out_of_the_folder(
    trained: Path, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    audio = clips.parent / "a1_happy_0.wav"
    (tmp_path / "out.wav").write_bytes(audio.read_bytes())
    (home / "link.wav").symlink_to(audio)
    (home / "folder").symlink_to(clips.parent)
    entry = {
        "parent": "../out.wav", "absolute": str(audio), "link": "link.wav",
        "linked folder": "folder/a1_happy_0.wav",
    }[kind]  # fmt: skip
    table = home / "a.csv"
    table.write_text(f"id,video,audio,label,actor,split\nx,,{entry},happy,1,\ny,,{entry},angry,1,\n")
    assert train(["--annotation_path", str(table), "--result_path", str(tmp_path / "r")]) == 2
    assert "row 2: audio is outside the folder" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
    model = str(trained / "model.safetensors")
    assert evaluate(["--checkpoint", model, "--annotations", str(table)]) == 2
    assert "row 2: audio is outside the folder" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["empty", "text", "short"])
def test_a_damaged_clip_is_named(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    content = {
        "empty": b"",
        "text": b"not audio",
        "short": (clips.parent / "a1_happy_0.wav").read_bytes()[:30],
    }
    (tmp_path / "bad.wav").write_bytes(content[damage])
    rows = "".join(f"{i},,bad.wav,{label},{i},\n" for i, label in enumerate(("happy", "angry")))
    (tmp_path / "a.csv").write_text("id,video,audio,label,actor,split\n" + rows)
    assert train(["--annotation_path", str(tmp_path / "a.csv"), "--result_path", str(tmp_path / "r")]) == 2
    assert "The clip 0 cannot be used" in capsys.readouterr().err
