"""The benchmarks of preprocessing and training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import fixtures, preprocessing, training
from benchmarks.results import BenchmarkConfig, Report
from emolive.models import factory
from emolive.models.input_spec import PixelSpec
from emolive.models.spec import ModelSpec


def test_a_step_on_cached_vectors_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "unfrozen_step", lambda *_: sum(i for i in range(100_000)))
    results = {m.key: m for m in training.run(BenchmarkConfig(tmp_path, rounds=1), Report())}
    assert 0 < (results["train.cached"].value or 0) < 60
    assert (results["train.unfrozen_reference"].value or 0) > 0


def test_the_published_step_trains_the_backbone() -> None:
    net = factory.build(ModelSpec(fusion="lt", n_bins=4, pixels=PixelSpec(32))).train()
    spec = net.spec
    before = net.backbone.stem[0].weight.detach().clone()  # type: ignore[union-attr,index,operator]
    audio = torch.randn(1, spec.audio_channels, spec.audio.n_frames(spec.n_samples))
    target = torch.full((1, 4, len(spec.labels)), 1 / len(spec.labels))
    target[..., 0] += 0.5
    target[:, 3] = 1  # all labels are possible
    training.unfrozen_step(net, torch.optim.SGD(net.parameters(), 0.1), audio, target)
    after = net.backbone.stem[0].weight  # type: ignore[union-attr,index]
    assert not torch.equal(before, after)


def test_clips_are_preprocessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = fixtures.write_clip(tmp_path / "clip.mp4", 1.0)
    monkeypatch.setattr(preprocessing, "_clips", lambda _: ([clip], "one clip"))
    results = {m.key: m for m in preprocessing.run(BenchmarkConfig(tmp_path), Report())}
    assert (results["preprocess.clips"].value or 0) > 0
    assert (tmp_path / "prepared" / "crops" / "clip.npy").is_file()
