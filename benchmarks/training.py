"""Training steps: on cached vectors, and as the reference does them, through the backbone in every step."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.measure import interleaved
from benchmarks.results import BenchmarkConfig, Measurement, Report
from emolive.models import factory
from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec
from emolive.process_stats import peak_rss_bytes
from training.config import TrainConfig
from training.emotion_trainer import emotion_loss
from training.malloc import keep_memory
from training.modality_dropout import MaskedBatch, apply_mask

BATCH = 8
CACHED_S = 0.05
BOTTLENECK = "The four copies of softhard keep one core busy at its peak rate for longer than that."
CONFIG = TrainConfig(fusion="lt", arch="chumachenko2022", mask="softhard", aux=0.0, label_smoothing=0.0)


def run(config: BenchmarkConfig, report: Report) -> Iterator[Measurement]:
    """`train`: the published lt, batch 8, `softhard`; CPU time with one thread."""
    torch.set_num_threads(1)
    keep_memory()
    torch.manual_seed(0)
    net = factory.build(ModelSpec(fusion="lt")).train()
    optimizer = torch.optim.SGD(net.parameters(), 0.04, momentum=0.9, dampening=0.9, weight_decay=1e-3)
    spec = net.spec
    video = torch.randn(BATCH, spec.n_bins, spec.video_channels)
    audio = torch.randn(BATCH, spec.audio_channels, spec.audio.n_frames(spec.n_samples))
    truth = torch.nn.functional.one_hot(torch.arange(BATCH) % len(spec.labels), len(spec.labels)).float()
    # All labels are possible.
    target = torch.cat([truth[:, None].expand(-1, 3, -1), torch.ones(BATCH, 1, len(spec.labels))], dim=1)

    def step() -> None:
        _step(net, optimizer, apply_mask(video, audio, target, "softhard"))

    times = interleaved({"cached": step}, config.rounds)["cached"]
    label = "training step, cached vectors"
    yield Measurement(
        "train.cached",
        label,
        times.p50 / 1e3,
        "s",
        CACHED_S,
        note="lt, batch 8, softhard",
        bottleneck=BOTTLENECK,
    )
    yield Measurement("train.cached_p95", "  95th percentile", times.p95 / 1e3, "s")
    start = time.process_time()
    unfrozen_step(net, optimizer, audio[:1], target[:1])
    spent = time.process_time() - start
    peak = peak_rss_bytes()
    held = f"; {peak / (1 << 30):.1f} GiB peak" if peak is not None else ""
    note = f"measured with 1 clip in 4 copies ({spent:.1f} s{held}), times {BATCH}"
    label = "training step through the backbone, as the reference"
    yield Measurement("train.unfrozen_reference", label, BATCH * spent, "s", note=note)
    yield Measurement(
        "train.times", "  times longer than on cached vectors", 1e3 * BATCH * spent / times.p50, "×"
    )


def _step(net: EmotionNet, optimizer: torch.optim.Optimizer, masked: MaskedBatch) -> None:
    optimizer.zero_grad()
    emotion_loss(net, masked, CONFIG).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def unfrozen_step(net: EmotionNet, optimizer: torch.optim.Optimizer, audio: Tensor, target: Tensor) -> None:
    """A training step as published: the copies of `softhard` are pixels, and the backbone encodes each of
    them."""
    frames, size = net.spec.n_bins, net.spec.pixels.size
    flat = torch.rand(len(audio), frames, 3 * size * size)
    masked = apply_mask(flat, audio, target, "softhard")
    vectors = net.encode(masked.video.view(-1, 3, size, size))
    _step(net, optimizer, masked._replace(video=vectors.view(-1, frames, vectors.shape[-1])))
