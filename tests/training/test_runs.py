"""The life of a run: what its folder holds, and what reads, resumes and extends it."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from emolive.models.io import checkpoint
from preprocessing import annotations
from tests.training.conftest import make_clips
from training.cli import evaluate, train
from training.data_fingerprint import DATA
from training.run_lock import run_lock


def top1(path: Path) -> dict[str, dict[str, float]]:
    figures = json.loads(path.read_text())["figures"]
    return {mode: {m: s["top1"] for m, s in by_modality.items()} for mode, by_modality in figures.items()}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def output(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


@pytest.fixture
def run(small: list[str], tmp_path: Path) -> Path:
    """The folder of a finished run of two epochs."""
    folder = tmp_path / "run"
    options = ["--fusion", "ia", "--test_actors", "3", "--validation_actors", "4", "--n_epochs", "2"]
    assert train([*small, *options, "--result_path", str(folder)]) == 0
    return folder


def test_a_run_is_tested_by_its_own_options_and_stays_as_it_is(
    run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(run)
    monkeypatch.chdir(tmp_path)
    output(capsys)
    assert train(["--no_train", "--no_val", "--result_path", "run"]) == 0
    printed = output(capsys)
    assert "ia, test, actors 3" in printed
    after = contents(run)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"result-test.json"}
    assert top1(run / "result-test.json") == top1(run / "result.json")
    assert train(["--no_train", "--no_val", "--result_path", "run", "--test_subset", "val"]) == 0
    assert "ia, val, actors 4" in output(capsys)
    assert train(["--no_train", "--result_path", "run", "--fusion", "lt"]) == 2
    assert "has fusion ia, not lt" in capsys.readouterr().err
    assert train(["--no_train", "--result_path", "run", "--num_heads", "1", "--n_classes", "3"]) == 0


def test_a_model_without_its_configuration_is_tested_by_its_checkpoint(
    run: Path, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(run / "model.safetensors", alone)
    assert train(["--no_train", "--result_path", str(alone)]) == 2
    assert "no annotation file" in capsys.readouterr().err
    options = ["--no_train", "--no_val", "--annotation_path", str(clips), "--test_actors", "3"]
    assert train([*options, "--result_path", str(alone)]) == 0
    assert top1(alone / "result-test.json") == top1(run / "result.json")
    # What an earlier version wrote there when it tested.
    (alone / "config.json").write_text(
        json.dumps({"options": {"fusion": "lt", "annotation_path": str(clips)}})
    )
    assert train(["--no_train", "--test_actors", "3", "--result_path", str(alone)]) == 0
    assert "ia, test" in output(capsys)


def test_what_is_no_run_is_not_tested(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(["--no_train", "--result_path", str(tmp_path)]) == 2
    assert "is not the result folder of a run" in capsys.readouterr().err
    (tmp_path / "RAVDESS_multimodalcnn_15_best0.pth").write_bytes(b"x")
    assert train(["--no_train", "--result_path", str(tmp_path)]) == 2
    assert "import-checkpoint" in capsys.readouterr().err


def test_best_and_last_epochs_are_models_that_every_command_opens(run: Path, clips: Path) -> None:
    for name in ("model.safetensors", "last.safetensors"):
        loaded = checkpoint.load(run / name)
        assert loaded.provenance["data"]["testing_actors"] == ["3"]
        assert loaded.net.video_std.ne(1).any()
    arguments = ["--checkpoint", str(run / "last.safetensors"), "--annotations", str(clips)]
    assert evaluate(arguments) == 0


def test_a_finished_run_takes_more_epochs(
    run: Path, small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    first = checkpoint.load(run / "last.safetensors").net.state_dict()
    assert train(["--no_train", "--no_val", "--result_path", str(run)]) == 0
    assert train(["--resume_path", str(run), "--n_epochs", "4"]) == 0
    printed = output(capsys)
    assert "epoch 4 of 4" in printed
    assert "epoch 2 of 4" not in printed
    with (run / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    # The new epochs have a cycle of their own, in which weights change.
    assert float(rows[2]["learning_rate"]) > 1e-4
    last = checkpoint.load(run / "last.safetensors").net.state_dict()
    assert any(not torch.equal(first[name], last[name]) for name in first)
    # Resumed again without options, it is complete.
    assert train(["--resume_path", str(run)]) == 0
    assert "epoch" not in output(capsys).replace("epochs", "")
    assert train(["--resume_path", str(run), "--n_epochs", "3"]) == 2
    assert "has 4 epochs already" in capsys.readouterr().err


def test_clips_that_changed_stop_a_resumed_run_at_once(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    table = make_clips(data, actors=2, repetitions=1)
    folder = tmp_path / "run"
    options = ["--annotation_path", str(table), *small[2:], "--n_epochs", "1"]
    assert train([*options, "--result_path", str(folder)]) == 0
    assert len(json.loads((folder / DATA).read_text())) == 6
    items = annotations.read(table).items
    with np.load(data / "marks.npz") as stored:
        arrays = dict(stored)
    arrays[f"{items[1].id}/xy"] = arrays[f"{items[1].id}/xy"] + 1
    np.savez(data / "marks.npz", allow_pickle=False, **arrays)
    shutil.copy(data / items[2].audio, data / "new.wav")
    new = annotations.ClipEntry("new", "", "new.wav", "happy", "1", "")
    annotations.write(table, [*items[1:], new])
    assert train(["--resume_path", str(folder), "--n_epochs", "3"]) == 2
    error = capsys.readouterr().err
    assert f"1 added: new; 1 removed: {items[0].id}; 1 changed: {items[1].id}" in error
    assert len(error.splitlines()) == 1


def test_one_training_runs_in_a_folder_at_a_time(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with run_lock(folder):
        assert train([*small, "--n_epochs", "1", "--result_path", str(folder)]) == 2
    assert "Another training runs in" in capsys.readouterr().err
    assert train([*small, "--n_epochs", "1", "--result_path", str(folder)]) == 0
    printed = output(capsys)
    assert "epoch 1 of 1" in printed


def test_a_dry_run_checks_everything_and_extracts_nothing(
    small: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMOLIVE_HOME", str(tmp_path / "home"))
    assert train([*small, "--dry_run", "--test_actors", "3", "--result_path", str(tmp_path / "r")]) == 0
    printed = output(capsys)
    assert "testing: 9 clips of actors 3" in printed
    assert "labels angry, happy, neutral" in printed
    assert "36 clips: their windows take about" in printed
    assert re.search(r"Training takes about .*: 120 epochs of 3 steps of", printed)
    assert not list(tmp_path.iterdir())
    assert train([*small, "--n_epochs", "1", "--result_path", str(tmp_path / "r")]) == 0
    assert train([*small, "--dry_run", "--result_path", str(tmp_path / "r2")]) == 0
    assert re.search(r"36 clips: their windows, .* MB, are in .* already", output(capsys))
    assert train(["crossval", *small, "--scheme", "4fold", "--dry_run"]) == 0
    assert "4 runs of 120 epochs" in output(capsys)
