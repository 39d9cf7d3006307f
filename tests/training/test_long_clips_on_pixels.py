"""Clips of a minute with a trained backbone: every part of them is seen, in training and in an evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from preprocessing import annotations
from preprocessing.annotations import ClipEntry
from tests.helpers.small_clips import demo_face, write_clip
from tests.training.face_crops import crop, make_backbone, make_crop_clips
from tests.training.test_finetune import FINETUNE, SMALL, finetuned
from training import data_module
from training.augment.pipeline import image_pipeline
from training.cli import evaluate, train
from training.config import from_values
from training.fabric import make_fabric
from training.finetune import CropEncoder

LONG_S, N_CROPS, PARTS = 60, 60, 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short clips of two actors, and two minutes of a third, which differ in their last quarter alone."""
    folder = tmp_path_factory.mktemp("long")
    items = list(annotations.read(make_crop_clips(folder, actors=2, repetitions=1)).items)
    for name, end in (("long_a", 1), ("long_b", 2)):
        kinds = [1] * (N_CROPS * 3 // 4) + [end] * (N_CROPS // 4)
        np.save(
            folder / f"{name}.npy",
            np.stack([crop(kind, np.random.default_rng(i)) for i, kind in enumerate(kinds)]),
        )
        sound = np.random.default_rng(6).normal(0, 0.05, LONG_S * 22_050).astype(np.float32)
        soundfile.write(folder / f"{name}.flac", sound, 22_050)
        items.append(ClipEntry(name, f"{name}.npy", f"{name}.flac", "happy", "3"))
    annotations.write(folder / "annotations.csv", items)
    make_backbone(folder / "backbone.safetensors")
    return folder


@pytest.fixture(scope="module")
def arguments(folder: Path) -> list[str]:
    table, backbone = folder / "annotations.csv", folder / "backbone.safetensors"
    return [*SMALL, "--annotation_path", str(table), "--pretrain_path", str(backbone)]


def test_each_part_has_the_crops_of_its_own_time(arguments: list[str]) -> None:
    data, crops = finetuned(arguments)
    items = data.dataset.items
    parts = [i for i, item in enumerate(items) if item.id == "long_a"]
    assert len(parts) == PARTS
    first = len(crops.images) - 2 * N_CROPS
    for number, part in enumerate(parts):
        shown = crops.crop_index[part, data.dataset.centre][crops.present[part, data.dataset.centre]] - first
        middle = N_CROPS * (number + 0.5) / PARTS
        assert len(shown) >= 7
        assert np.all(np.diff(shown) >= 0)
        # Crop n is in the middle of second n, and holds for a second.
        assert abs(shown.mean() + 1 - middle) < 0.5


def test_the_last_part_trains_the_backbone(arguments: list[str]) -> None:
    data, crops = finetuned(arguments)
    options = from_values({})
    net = data_module.build_model(data, 1)
    encoder = CropEncoder(make_fabric(options), net, crops, image_pipeline(options))
    last = max(i for i, item in enumerate(data.dataset.items) if item.id == "long_b")
    features = encoder(np.array([last]), np.array([data.dataset.centre]), slice(None))
    features.square().sum().backward()
    assert net.backbone is not None
    assert any(p.grad is not None and bool(p.grad.any()) for p in net.backbone.parameters())


def test_a_minute_is_trained_in_parts_and_scored_once(
    folder: Path, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "run"
    options = ["--n_epochs", "1", "--threads", "1", "--result_path", str(model)]
    assert train([*arguments, *FINETUNE, *options]) == 0
    assert f"training: {6 + 2 * PARTS} clips of actors 1, 2, 3" in capsys.readouterr().out
    out, table = tmp_path / "out.json", str(folder / "annotations.csv")
    options = ["--checkpoint", str(model / "model.safetensors"), "--annotations", table, "--json", str(out)]
    assert evaluate(options) == 0
    rows = {row["id"]: list(row["probs"].values()) for row in json.loads(out.read_text())["rows"]}
    assert len(rows) == 6, "two of the eight clips are neutral and calibrate"
    assert np.abs(np.subtract(rows["long_a"], rows["long_b"])).max() > 1e-6, "the last quarter counts"


def test_a_long_video_is_read_to_its_end(tmp_path: Path) -> None:
    """Through the face pipeline: the face looks sad in the second half alone."""
    faces = [demo_face("happy"), demo_face("sad")]
    write_clip(tmp_path / "long.mp4", 16, picture=lambda t_s: faces[t_s >= 8], fps=10)
    items = [ClipEntry("long", "long.mp4", "", "happy", "1"), ClipEntry("again", "long.mp4", "", "sad", "1")]
    annotations.write(tmp_path / "a.csv", items)
    backbone = make_backbone(tmp_path / "backbone.safetensors")
    argv = [*SMALL, "--annotation_path", str(tmp_path / "a.csv"), "--pretrain_path", str(backbone)]
    data, crops = finetuned(argv)
    assert [item.id for item in data.dataset.items] == ["long"] * 4 + ["again"] * 4
    k = data.dataset.centre
    assert crops.present[:4, k].all()
    means = [crops.images[crops.crop_index[part, k]].mean(axis=0) for part in range(4)]
    assert np.abs(means[0] - means[1]).mean() < np.abs(means[0] - means[3]).mean() / 5
    assert np.abs(means[2] - means[3]).mean() < np.abs(means[0] - means[3]).mean() / 5
