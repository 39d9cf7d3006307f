"""The commands of the published README (Chumachenko et al. 2022) on clips that are laid out as RAVDESS."""

from __future__ import annotations

import csv
import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from emolive.models.efficientface import EfficientFace
from emolive.models.input_spec import PixelSpec
from emolive.models.io import checkpoint
from emolive.models.spec import EMOTIONS, ModelSpec
from emolive.paths import data_dir
from preprocessing import annotations
from preprocessing.cli import main as preprocess
from tests.helpers.checkpoints import released
from tests.helpers.small_clips import demo_face, write_clip
from tests.training.conftest import voice
from training.cli import evaluate, train

WEIGHTS = "EfficientFace_Trained_on_AffectNet7.pth.tar"
SIZE = "32"
SHOWN = ("neutral", "angry")
SPLITS = {"01": "training", "02": "training", "05": "testing", "11": "validation"}
REAL = data_dir() / "ravdess" / "video" / "Actor_01"


def write_weights(folder: Path) -> Path:
    torch.manual_seed(0)
    torch.save({"state_dict": released(EfficientFace()), "epoch": 5}, folder / WEIGHTS)
    return folder / WEIGHTS


def preprocess_by_three_steps(root: Path, out: Path, *options: str, testing: str, validation: str) -> Path:
    """What extract_faces.py, extract_audios.py and create_annotations.py do; returns annotations.txt."""
    folders = ["ravdess", str(root), str(out), "--workers", "0", *options]
    assert preprocess([*folders, "--steps", "faces"]) == 0
    assert preprocess([*folders, "--steps", "audio"]) == 0
    split = ["--splits", "custom", "--test_actors", testing, "--validation_actors", validation]
    assert preprocess(["annotations", str(out), str(out / "annotations.txt"), *split]) == 0
    return out / "annotations.txt"


@pytest.fixture(scope="module")
def ravdess(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the README (ACTOR01/01-….mp4 and 03-….wav), preprocessed, and the pretrained weights."""
    root = tmp_path_factory.mktemp("published")
    for actor, label in itertools.product(SPLITS, SHOWN):
        name = f"{EMOTIONS.index(label) + 1:02}-01-01-01-{actor}"
        face = demo_face(label) - np.minimum(demo_face(label), int(actor)).astype(np.uint8)
        write_clip(root / f"RAVDESS/ACTOR{actor}/01-01-{name}.mp4", 0.6, picture=lambda _, face=face: face)
        soundfile.write(root / f"RAVDESS/ACTOR{actor}/03-01-{name}.wav", voice(10, label), 22_050)
    write_weights(root)
    preprocess_by_three_steps(
        root / "RAVDESS", root / "prepared", "--size", SIZE, testing="5", validation="11"
    )
    return root


def options_of(ravdess: Path, fusion: str, mask: str) -> list[str]:
    """Options of the README, and `opts.py`'s own values for all others but size and length."""
    heads = "4" if fusion == "it" else "1"
    options = f"--fusion {fusion} --mask {mask} --num_heads {heads} --pretrain_path {ravdess / WEIGHTS}"
    options += (
        f" --annotation_path {ravdess / 'prepared/annotations.txt'} --result_path results --device cuda"
    )
    options += f" --n_classes 8 --sample_duration 15 --sample_size {SIZE} --batch_size 4 --n_epochs 1"
    options += " --learning_rate 0.04 --momentum 0.9 --dampening 0.9 --weight_decay 1e-3 --lr_patience 10"
    options += " --lr_steps 40 55 65 70 200 250 --begin_epoch 1 --video_norm_value 255 --store_name model"
    options += (
        " --manual_seed 1 --test --test_subset test --n_threads 0 --dataset RAVDESS --model multimodalcnn"
    )
    return options.split()


def test_three_steps_of_preprocessing_leave_what_training_reads(ravdess: Path) -> None:
    table = annotations.read(ravdess / "prepared/annotations.txt")
    assert {(item.label, item.actor, item.split) for item in table.items} == {
        (label, actor, split) for label in SHOWN for actor, split in SPLITS.items()
    }
    assert all(item.video.endswith(".npy") and item.audio.endswith(".flac") for item in table.items)


@pytest.mark.parametrize(
    ("fusion", "mask"), [*itertools.product(("ia", "it", "lt"), ("softhard", "noise", "nodropout"))]
)
def test_the_published_training(  # noqa: PLR0917
    ravdess: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fusion: str,
    mask: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("training.fit.LONG_S", 0.0)
    assert train(options_of(ravdess, fusion, mask)) == 0
    printed = capsys.readouterr().out
    assert "Recipe: as published" in printed
    assert f"of another model: BGR pixels of {SIZE} px." in printed
    assert "Training takes about" in printed
    loaded = checkpoint.load(Path("results/model.safetensors"))
    unlearned = tuple(label for label in EMOTIONS if label not in SHOWN)
    published = ModelSpec(
        fusion=fusion,
        num_heads=4 if fusion == "it" else 1,
        pixels=PixelSpec(size=int(SIZE)),
        unlearned=unlearned,
    )
    assert loaded.spec == replace(published, labels=EMOTIONS)
    assert loaded.provenance["options"]["mask"] == mask
    assert f"testing: {len(SHOWN)} clips of actors 05" in printed


def test_the_published_test_and_resume(
    ravdess: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    table = str(ravdess / "prepared/annotations.txt")
    assert train(options_of(ravdess, "ia", "softhard")) == 0
    capsys.readouterr()
    config = Path("results/config.yaml").read_bytes()
    for test in (
        "--no_train --no_val --result_path results",
        f"--annotation_path {table} --no_train --no_val",
    ):
        assert train([*test.split(), "--result_path", "results"]) == 0
        assert "ia, test, actors 05" in capsys.readouterr().out
    assert Path("results/config.yaml").read_bytes() == config
    assert train(["--resume_path", "results", "--n_epochs", "2"]) == 0
    with Path("results/log.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    arguments = ["--checkpoint", "results/last.safetensors", "--annotation_path", table, "--split", "test"]
    assert evaluate([*arguments, "--json", "out.json"]) == 0
    results = json.loads(Path("out.json").read_text())
    assert results["per_class_recall"]["calm"] is None
    assert all(row["probs"]["calm"] == 0 for row in results["rows"])


@pytest.mark.data
@pytest.mark.timeout(900)
@pytest.mark.skipif(not REAL.is_dir(), reason="the real clips are not here")
def test_real_clips_at_the_published_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All recordings here are of one actor: copies with another actor's number validate and test."""
    monkeypatch.chdir(tmp_path)
    clips = sorted(REAL.glob("*.mp4"))[-2:]
    for clip, actor in itertools.product(clips, ("01", "02", "03")):
        # A neutral clip would calibrate its person and not be scored.
        if actor == "01" or clip == clips[-1]:
            target = Path(f"RAVDESS/ACTOR{actor}/{clip.stem[:-2]}{actor}.mp4")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(clip, target)
    table = preprocess_by_three_steps(Path("RAVDESS"), Path("prepared"), testing="3", validation="2")
    options = ["--encoder", "efficientface", "--recipe", "published", "--annotation_path", str(table)]
    options += ["--pretrain_path", str(write_weights(tmp_path)), "--result_path", "R", "--n_epochs", "1"]
    options += ["--threads", "1"]
    assert train(options) == 0
    assert "Recipe: as published, but n_epochs 1, but modality dropout" in capsys.readouterr().out
    assert checkpoint.load(Path("R/model.safetensors")).spec.pixels == PixelSpec()
    assert train(["--no_train", "--no_val", "--result_path", "R"]) == 0
    assert "ia, test, actors 03" in capsys.readouterr().out
    assert train(["--resume_path", "R", "--n_epochs", "2"]) == 0
    assert json.loads(Path("R/result.json").read_text())
