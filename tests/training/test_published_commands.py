"""The commands of the published README (Chumachenko et al. 2022) on clips that are laid out as RAVDESS."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from emolive.models.efficientface import EfficientFace
from emolive.models.io import checkpoint
from emolive.models.spec import EMOTIONS, ModelSpec, PixelSpec
from tests.helpers.checkpoints import released
from tests.training.conftest import voice
from tests.training.face_crops import SIZE, crop
from training.cli import evaluate, train

WEIGHTS = "EfficientFace_Trained_on_AffectNet7.pth.tar"
SHOWN = ("neutral", "happy", "angry")
SPLITS = {"01": "training", "02": "training", "11": "validation", "05": "testing"}


@pytest.fixture(scope="module")
def ravdess(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the published preprocessing leaves (annotations.txt, crops and audio), and the pretrained weights.

    A voice at 22,050 Hz and 15 crops for each actor and label.
    """
    root = tmp_path_factory.mktemp("published")
    rng, lines = np.random.default_rng(0), []
    for actor, split in SPLITS.items():
        folder = root / f"ACTOR{actor}"
        folder.mkdir()
        for kind, label in enumerate(SHOWN):
            code = EMOTIONS.index(label) + 1
            name = f"01-01-{code:02}-01-01-01-{actor}"
            np.save(folder / f"{name}_facecroppad.npy", np.stack([crop(kind, rng) for _ in range(15)]))
            sound = np.zeros(79_380, np.float32)
            sound[20_000:][: round(1.8 * 22_050)] = voice(10, label)
            soundfile.write(folder / f"{name}_croppad.wav", sound, 22_050)
            paths = f"ACTOR{actor}/{name}_facecroppad.npy;ACTOR{actor}/{name}_croppad.wav"
            lines.append(f"{paths};{code};{split}\n")
    (root / "annotations.txt").write_text("".join(lines))
    torch.manual_seed(0)
    torch.save({"state_dict": released(EfficientFace()), "epoch": 5}, root / WEIGHTS)
    return root


@pytest.mark.parametrize(
    ("fusion", "mask", "heads"), [("ia", "softhard", "1"), ("it", "noise", "4"), ("lt", "nodropout", "1")]
)
def test_the_published_commands(  # noqa: PLR0917
    ravdess: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fusion: str,
    mask: str,
    heads: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("training.fit.LONG_S", 0.0)
    options = f"--fusion {fusion} --mask {mask} --num_heads {heads} --pretrain_path {ravdess / WEIGHTS}"
    options += f" --annotation_path {ravdess / 'annotations.txt'} --result_path results --device cuda"
    options += f" --n_classes 8 --sample_duration 15 --sample_size {SIZE} --batch_size 4 --n_epochs 1"
    options += " --learning_rate 0.04 --manual_seed 1 --test_subset test --n_threads 0 --dataset RAVDESS"
    assert train(options.split()) == 0
    printed = capsys.readouterr().out
    assert "Recipe: as published" in printed
    assert f"of another model: BGR pixels of {SIZE} px." in printed
    assert "Training takes about" in printed
    loaded = checkpoint.load(Path("results/model.safetensors"))
    unlearned = tuple(label for label in EMOTIONS if label not in SHOWN)
    published = ModelSpec(
        fusion=fusion, num_heads=int(heads), pixels=PixelSpec(size=SIZE), unlearned=unlearned
    )
    assert loaded.spec == replace(published, labels=EMOTIONS)
    assert loaded.provenance["options"]["mask"] == mask
    assert f"testing: {len(SHOWN)} clips of actors 05" in printed
    if fusion != "ia":
        return
    test = f"--annotation_path {ravdess / 'annotations.txt'} --no_train --no_val --result_path results"
    assert train(test.split()) == 0
    assert "ia, test, actors 05" in capsys.readouterr().out
    assert train(["--resume_path", "results", "--n_epochs", "2"]) == 0
    with Path("results/log.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    assert evaluate(
        ["--checkpoint", "results/last.safetensors", "--annotation_path", str(ravdess / "annotations.txt"),
         "--split", "test", "--json", "out.json"]
    ) == 0  # fmt: skip
    results = json.loads(Path("out.json").read_text())
    assert results["per_class_recall"]["calm"] is None
    assert all(row["probs"]["calm"] == 0 for row in results["rows"])
