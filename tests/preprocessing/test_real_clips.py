"""Real RAVDESS clips: a face in every frame, and landmarks equal to independent measurements."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from emolive.paths import asset, data_dir
from preprocessing import annotations, mean_shape
from preprocessing.cli import main

RAVDESS = data_dir() / "ravdess"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not (RAVDESS / "video").is_dir(), reason="the real clips are not here"),
]


def test_landmarks_of_real_clips_equal_the_reference(tmp_path: Path) -> None:
    root, out = tmp_path / "ravdess", tmp_path / "out"
    shutil.copytree(RAVDESS / "video", root / "video")
    shutil.copytree(RAVDESS / "audio_48k_wav", root / "sound")
    assert main(["ravdess", str(root), str(out), "--workers", "0"]) == 0
    items = annotations.read(out / "annotations.csv").items
    assert [item.label for item in items] == ["neutral", "calm", "sad", "surprised"]
    assert all(item.video and item.audio for item in items)
    report = json.loads((out / "report.json").read_text())
    assert report["landmark_frames"] == report["landmark_faces"] > 200
    assert report["frames"]["filled"] == 0
    assert {issue["kind"] for issue in report["issues"]} == {"missing"}
    for item in items:
        assert np.load(out / item.video).shape == (15, 224, 224, 3)
    reference_file = RAVDESS / "landmarks/dlib68_every_2nd_frame.npz"
    with np.load(reference_file) as reference:
        for item in items:
            with np.load(out / f"landmarks/{item.id}.npz") as ours:
                shared, extracted_rows, reference_rows = np.intersect1d(
                    ours[f"{item.id}/frame"], reference[f"{item.id}/frame"], return_indices=True
                )
                apart = np.abs(
                    ours[f"{item.id}/xy"][extracted_rows] - reference[f"{item.id}/xy"][reference_rows]
                )
            assert len(shared) > 40
            assert apart.mean() < 1.5, "pixels of the 1280 x 720 picture"


def test_the_mean_shape_is_reproduced(tmp_path: Path) -> None:
    out = tmp_path / "mean_shape.json"
    npz = str(RAVDESS / "landmarks/dlib68_every_2nd_frame.npz")
    assert mean_shape.main([npz, str(out), "--leave-out", "actor:01"]) == 0
    computed, shipped = (json.loads(p.read_text())["points"] for p in (out, asset("face", "mean_shape.json")))
    assert np.abs(np.subtract(computed, shipped)).max() <= 1.01e-5, "it is rounded to five places"
