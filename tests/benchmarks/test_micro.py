"""Micro-benchmarks of the steps of an estimate: `pytest tests/benchmarks --benchmark-enable`.

Without that option each runs once and only its result is looked at: no test here depends on time.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from emolive.audio.resample import resample
from emolive.buffers.audio_ring import AudioRingBuffer
from emolive.models import factory
from emolive.models.input_spec import AudioSpec, PixelSpec
from emolive.models.runtimes import autotune
from emolive.models.spec import ModelSpec
from emolive.pooling import pool_bins
from emolive.vision.encoders import landmarks

CPU = torch.device("cpu")
LOGMEL = AudioSpec(kind="logmel", n_fft=1024, hop_length=441, n_mels=64, fmin_hz=50, fmax_hz=8000)
SHIPPED = ModelSpec(
    encoders=("landmarks",),
    pooling="mean",
    audio=LOGMEL,
    baselines=("none", "neutral", "running"),
    arch="emolive",
)


@pytest.mark.parametrize("name", autotune.NAMES)
def test_head(benchmark: BenchmarkFixture, name: str) -> None:
    if name == "onnx":
        pytest.importorskip("onnxruntime")
    net = factory.build(SHIPPED).eval()
    runtime = autotune.build(name, net, CPU)
    video, audio_, _ = autotune.random_inputs(SHIPPED, CPU)
    with torch.inference_mode():
        logits = benchmark(runtime.logits, video, audio_)
        assert torch.allclose(logits, net(video, audio_), atol=1e-4)


@pytest.mark.parametrize("size", [112, 224])
def test_backbone(benchmark: BenchmarkFixture, size: int) -> None:
    net = factory.build(ModelSpec(pixels=PixelSpec(size))).eval()
    runtime = autotune.build("folded", net, CPU)
    pixels = torch.rand(1, 3, size, size)
    with torch.inference_mode():
        assert benchmark(runtime.encode, pixels).shape == (1, 1024)


@pytest.mark.parametrize("spec", [LOGMEL, AudioSpec()], ids=["logmel", "mfcc"])
def test_audio_features(benchmark: BenchmarkFixture, spec: AudioSpec) -> None:
    n = spec.left_context + round(3.6 * spec.rate_hz)
    sound = np.random.default_rng(0).normal(0, 0.1, n).astype(np.float32)
    features = benchmark(spec.encoder, sound)
    assert features.shape == (spec.channels, spec.n_frames(n - spec.left_context))


def test_resampling_of_a_window(benchmark: BenchmarkFixture) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, round(3.6 * 48_000)).astype(np.float32)
    assert benchmark(resample, sound, 48_000, 22_050).shape == (79_380,)


def test_landmarks_of_a_face(benchmark: BenchmarkFixture) -> None:
    points = (landmarks.mean_shape() * 100 + 200)[None]
    vectors = benchmark(landmarks.LandmarkEncoder(), points)
    assert vectors[0] == pytest.approx(landmarks.mean_shape().ravel(), abs=1e-4)


def test_pooling_of_a_window(benchmark: BenchmarkFixture) -> None:
    stamps = np.arange(54, dtype=np.int64) * 66_666_667
    rows = np.ones((54, 136), np.float32)
    end_ns = 3_600_000_000
    bins, present = benchmark(
        lambda: pool_bins(stamps, rows, np.ones(54, bool), end_ns, window_s=3.6, n_bins=15, pooling="mean")
    )
    assert present.all()
    assert bins.shape == (15, 272)


def test_a_block_into_the_ring(benchmark: BenchmarkFixture) -> None:
    ring = AudioRingBuffer(48_000, 8.0)
    block = np.full(960, 0.5, np.float32)
    blocks = iter(range(10**9))
    benchmark(lambda: ring.write(block, next(blocks) * 20_000_000))
    assert ring.newest_ns is not None
    assert ring.read(20_000_000, 100)[1].all()
