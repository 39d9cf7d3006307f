"""A folder in which everything is planted that makes results mean less than they seem to.

Each is said in a sentence, before anything is trained; what cannot be read is named and can be left out.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from preprocessing import annotations
from preprocessing.annotations import ClipEntry
from preprocessing.cli import main as preprocess
from tests.training.conftest import voice
from training.cli import train

RATE_HZ = 22_050
SPLITS = {"anna": "training", "bert": "training", "dora": "validation", "carl": "testing"}
OPTIONS = (
    "--audio logmel --conditions 0 --width 0.25 --shifts 1 --batch_size 4 --n_epochs 1 --masked_steps 4 "
    "--masked_bands 4"
)
FOUND = (
    "Actor anna is in both training and validation: results on them say nothing about other people; split by "
    "person (emolive-preprocess annotations --splits).",
    "1 clip in testing has the same content as a clip in training (anna__happy_0 and carl__copy): remove it "
    "from one of the two.",
    "No training clip is bored, but clips in testing are: the model cannot learn this class.",
    "No clip that is neutral is scored, since each person's first ones calibrate and there are no others: "
    "results are those of the other classes; add more such clips of each person.",
    "All clips that are scored are of one person (carl), so there is no interval over people, and the "
    "results may be quite different for others.",
)


def sounds() -> Iterator[tuple[str, str, str, str]]:
    """File, label, actor and split of each clip."""
    for actor, split in SPLITS.items():
        for label, n in (("neutral", 2 if actor == "carl" else 3), ("happy", 2), ("angry", 1)):
            for take in range(n):
                yield f"{actor}/{label}_{take}.wav", label, actor, split
    yield "anna/long.wav", "angry", "anna", "training"
    yield "anna/again.wav", "happy", "anna", "validation"
    yield "carl/copy.wav", "happy", "carl", "testing"
    yield "carl/bored.wav", "bored", "carl", "testing"


def plant(tmp_path: Path) -> Path:
    """Make the folder, and list it; returns its annotations."""
    root = tmp_path / "clips"
    rows = ["file,label,actor,split"]
    for seed, (name, *values) in enumerate(sounds()):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        said = voice(1, values[0] if values[0] in ("neutral", "happy", "angry") else "sad")
        quiet = np.random.default_rng(seed).normal(0, 1e-3, len(said)).astype(np.float32)
        repeated = np.tile(said + quiet, 34) if name == "anna/long.wav" else said + quiet
        soundfile.write(root / name, repeated, RATE_HZ)
        rows.append(",".join((name, *values)))
    shutil.copy(root / "anna/happy_0.wav", root / "carl/copy.wav")
    for name in ("notes.xyz", "more.rar", "films.7z", "anna/thumbs.db"):
        (root / name).write_bytes(b"\x00 no media")
    (root / "clips.csv").write_text("\n".join(rows))
    table = tmp_path / "clips.csv"
    assert preprocess(["folder", str(root), str(table), "--labels", str(root / "clips.csv")]) == 0
    np.savez(tmp_path / "whole.npz", **{"k/xy": np.zeros((40, 68, 2), np.int16), "k/frame": np.arange(40)})  # type: ignore[arg-type]
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:2000])
    items = annotations.read(table, allow_outside=True).items
    damaged = ClipEntry("damaged", "cut.npz#k", "", "happy", "bert", "training")
    annotations.write(table, [*items, damaged])
    return table


def test_every_planted_fault_is_said_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planted = plant(tmp_path)
    listed = " ".join(capsys.readouterr().out.split())
    assert "Skipped: .db files 1, .xyz files 1." in listed
    for name in ("films.7z", "more.rar"):
        suffix = Path(name).suffix
        assert f"{name}: It is a {suffix} file, whose clips are not read: unpack it." in listed
    arguments = ["--annotation_path", str(planted), *OPTIONS.split(), "--result_path", str(tmp_path / "run")]
    assert train([*arguments, "--strict"]) == 2
    out, error = capsys.readouterr()
    assert set(FOUND) == set(out.splitlines())
    assert f"The data was refused because of --strict, with 4 more: {FOUND[0]}" in error
    assert train(arguments) == 2
    out, error = capsys.readouterr()
    assert error.endswith("cut.npz cannot be read: it is damaged or not an .npz file.\n")
    assert not (tmp_path / "run/model.safetensors").exists()
    assert train([*arguments, "--skip_faults"]) == 0
    out = capsys.readouterr().out
    assert all(sentence in out for sentence in FOUND)
    assert "The clip damaged cannot be used." in out
    # All of the minute is used: seventeen parts beside the eleven other clips of the two.
    assert "training: 29 clips of actors anna, bert" in out
    assert "No training clip has the label bored: the model will never predict it." in out


def test_a_run_that_tests_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planted = plant(tmp_path)
    table = annotations.read(planted, allow_outside=True)
    annotations.write(planted, [item for item in table.items if item.split == "training"])
    capsys.readouterr()
    assert train(["--annotation_path", str(planted), "--strict", "--dry_run"]) == 2
    assert capsys.readouterr().out == (
        "No clip is in the split testing, so nothing says how good the model will be: give --test_actors or "
        "--fold, or annotations with splits.\n"
    )
