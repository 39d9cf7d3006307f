"""The check of the data in the commands: what they print, refuse with --strict, and store in a checkpoint."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from emolive.models.io import checkpoint
from preprocessing import annotations
from preprocessing.annotations import Annotations
from preprocessing.clip_digests import clip_digests
from preprocessing.data_check import training_record
from tests.conftest import RandomCheckpoint
from tests.training.conftest import LABELS
from training.cli import evaluate, train

TRAINED_ON = ("1", "2")
NEUTRAL = ("a3_neutral_0", "a3_neutral_1", "a4_neutral_0", "a4_neutral_1")
OPTIONS = [
    "--width",
    "0.25",
    "--shifts",
    "1",
    "--batch-size",
    "4",
    "--masked-steps",
    "4",
    "--masked-bands",
    "4",
    "--n-epochs",
    "1",
]


@pytest.fixture
def folder(clips: Path, tmp_path: Path) -> Path:
    """Fourteen clips with splits of their own: actors 1 and 2 train, 3 validates, 4 is tested."""
    split_of = {"1": "training", "2": "training", "3": "validation", "4": "testing"}
    items = [
        replace(item, split=split_of[item.actor])
        for item in annotations.read(clips).items
        if item.id[-1] == "2" or (item.id[-1] == "1" and item.label == "happy") or item.id in NEUTRAL
    ]
    for name in ("marks.npz", *(item.audio for item in items)):
        (tmp_path / name).hardlink_to(clips.parent / name)
    annotations.write(tmp_path / "a.csv", items)
    return tmp_path


@pytest.fixture
def model(folder: Path, random_checkpoint: RandomCheckpoint) -> Path:
    """A checkpoint that says it learned from the training clips."""
    path = folder / "model.safetensors"
    table = annotations.read(folder / "a.csv")
    learned = [item for item in table.items if item.split == "training"]
    record = {"data": {"actors": list(TRAINED_ON), **training_record(learned, clip_digests(table))}}
    net = checkpoint.load(random_checkpoint(labels=LABELS, width=0.25)).net
    checkpoint.save(path, net, provenance=record)
    return path


def evaluated(folder: Path, model: Path, *more: str) -> list[str]:
    arguments = [
        "--checkpoint",
        str(model),
        "--annotations",
        str(folder / "a.csv"),
        "--json",
        str(folder / "r.json"),
    ]
    assert evaluate([*arguments, *more]) == 0
    return list(json.loads((folder / "r.json").read_text())["data_check"])


def test_training_clips_are_not_scored_in_silence(
    folder: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (one_actor,) = evaluated(folder, model, "--split", "test")
    assert "one person (4)" in one_actor
    out = capsys.readouterr().out
    assert one_actor in out
    assert "nan" not in out
    results = json.loads((folder / "r.json").read_text())
    assert results["top1_interval"] == results["uar_interval"] == [None, None]
    learned, *_ = evaluated(folder, model, "--split", "training")
    assert learned.startswith("The checkpoint learned from 6 of the 6 clips that are scored (a1_happy_1, ")
    arguments = ["--checkpoint", str(model), "--annotations", str(folder / "a.csv"), "--split", "training"]
    assert evaluate([*arguments, "--strict"]) == 2
    error = capsys.readouterr().err
    assert "The data was refused because of --strict" in error
    assert len(error.strip().splitlines()) == 1


def test_a_run_says_what_its_splits_hide(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--annotation-path", str(folder / "a.csv"), "--strict", "--dry-run"]
    assert train(arguments) == 2
    assert "one person (4)" in capsys.readouterr().err
    table = annotations.read(folder / "a.csv")
    shutil.copy(folder / "a1_happy_1.wav", folder / "copy.wav")
    items = [replace(item, audio="copy.wav") if item.id == "a4_happy_1" else item for item in table.items]
    items = [replace(item, actor="2") if item.id == "a3_angry_2" else item for item in items]
    annotations.write(folder / "a.csv", items)
    assert train(arguments) == 2
    out, error = capsys.readouterr()
    assert "a1_happy_1 and a4_happy_1" in out
    assert "Actor 2 is in both training and validation" in out
    assert "with 2 more: Actor 2 is in both" in error


def test_a_side_of_calibration_clips_is_said_and_not_stacked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = annotations.read(folder / "a.csv")
    items = [item for item in table.items if item.split == "training" or item.id in NEUTRAL]
    annotations.write(folder / "a.csv", items)
    result = ["--result-path", str(folder / "run")]
    assert train(["--annotation-path", str(folder / "a.csv"), *OPTIONS, *result]) == 0
    out = capsys.readouterr().out
    for split in ("validation", "testing"):
        assert f"All 2 clips of the split {split} are neutral ones" in out
    record = checkpoint.load(folder / "run/model.safetensors").provenance
    chosen = [item for item in items if item.split == "training"]
    expected = training_record(chosen, clip_digests(Annotations(tuple(items), folder)))
    assert {name: record["data"][name] for name in expected} == expected


def test_faults_of_all_kinds_are_skipped(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = annotations.read(folder / "a.csv")
    (folder / "a1_happy_1.wav").unlink()
    for name, content in (
        ("a3_happy_1.wav", b"RIFF"),
        ("empty.npz", b""),
        ("cut.npz", (folder / "marks.npz").read_bytes()[:4000]),
    ):
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_bytes(content)
    videos = {
        "a1_angry_2": "empty.npz#a",
        "a2_angry_2": "cut.npz#a",
        "a2_happy_1": "marks.npz#nothing",
        "a3_angry_2": "gone.mp4",
        "a4_angry_2": "a.csv",
    }
    annotations.write(
        folder / "a.csv", [replace(item, video=videos.get(item.id, item.video)) for item in table.items]
    )
    arguments = ["--annotation-path", str(folder / "a.csv"), *OPTIONS, "--result-path", str(folder / "run")]
    assert train(arguments) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert train([*arguments, "--skip-faults"]) == 0
    out = capsys.readouterr().out
    for clip in ("a1_happy_1", "a3_happy_1", *videos):
        assert f"The clip {clip} cannot be used." in out
    assert "training: 4 clips" in out
