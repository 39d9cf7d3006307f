"""Requirements for every registered fusion, including those of the examples and of installed plug-ins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from emolive.models import factory
from emolive.models.fusion.base import Fusion, Streams
from emolive.models.input_spec import AudioSpec
from emolive.models.io import checkpoint
from emolive.models.runtimes import autotune
from emolive.models.spec import ModelSpec
from emolive.plugins import FUSIONS
from tests.helpers.plugin_examples import registered_example

NAMES = (*FUSIONS.names(), "gated")
SPEC = ModelSpec(
    encoders=("landmarks",),
    landmarker="dlib68",
    num_heads=2,
    pooling="mean",
    audio=AudioSpec(kind="logmel", n_fft=1024, hop_length=441, n_mels=64),
    baselines=("none", "running"),
)
OURS = "emolive-stream"


@pytest.fixture(autouse=True)
def _example():
    torch.manual_seed(0)
    with registered_example("plugin_fusion.py", FUSIONS, "gated"):
        yield


def inputs(spec: ModelSpec, n: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    steps = spec.audio.n_frames(spec.n_samples)
    return torch.randn(n, spec.n_bins, spec.video_channels), torch.randn(n, spec.audio_channels, steps)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("published", [True, False])
@torch.no_grad()
def test_streams_keep_their_shapes_and_attention_is_a_distribution(name: str, published: bool) -> None:
    fusion = FUSIONS.get(name)(audio=(16, 24), video=(8, 40), num_heads=2, published=published).eval()
    assert isinstance(fusion, Fusion)
    for fuse, audio, video in (
        (fusion.fuse_intermediate, torch.randn(3, 16, 20), torch.randn(3, 8, 5)),
        (fusion.fuse_late, torch.randn(3, 24, 20), torch.randn(3, 40, 5)),
    ):
        out = fuse(audio, video)
        assert isinstance(out, Streams)
        assert (out.audio.shape, out.video.shape) == (audio.shape, video.shape)
        for weights, shape in ((out.audio_to_video, (3, 2, 20, 5)), (out.video_to_audio, (3, 2, 5, 20))):
            if weights is not None:
                assert weights.shape == shape
                torch.testing.assert_close(weights.sum(-1), torch.ones(shape[:-1]))
    assert fusion.intermediate == (type(fusion).fuse_intermediate is not Fusion.fuse_intermediate)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("arch", list(factory.ARCHITECTURES))
@torch.no_grad()
def test_every_architecture_is_built_explained_saved_and_loaded_with_it(
    name: str, arch: str, tmp_path: Path
) -> None:
    spec = replace(SPEC, fusion=name, arch=arch)
    net = factory.build(spec).eval()
    video, audio = inputs(spec)
    logits = net(video, audio)
    assert logits.shape == (2, len(spec.labels))
    explained = net.explain(video, audio)
    torch.testing.assert_close(
        explained.audio + explained.video + explained.bias, logits, atol=1e-5, rtol=1e-4
    )
    path = tmp_path / f"{name}.safetensors"
    checkpoint.save(path, net, provenance={})
    assert torch.equal(checkpoint.load(path, fusion=name).net(video, audio), logits)


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_samples_of_a_batch_do_not_mix(name: str) -> None:
    net = factory.build(replace(SPEC, fusion=name, arch=OURS)).eval()
    video, audio = inputs(net.spec, 3)
    together = net(video, audio)
    each = torch.cat([net(video[i : i + 1], audio[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, each, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_it_trains(name: str) -> None:
    spec = replace(SPEC, fusion=name, arch=OURS)
    net = factory.build(spec).train()
    answers = net.answers(*inputs(spec, 4), grad_scale=0.5)
    sum(answer.square().sum() for answer in answers).backward()
    assert net.video_branch.stage1[0][0].weight.grad.abs().max() > 0
    assert net.audio_branch.spectrogram[0][0].weight.grad.abs().max() > 0


@pytest.mark.parametrize("name", NAMES)
def test_fused_layers_compute_the_same(name: str) -> None:
    net = factory.build(replace(SPEC, fusion=name, arch=OURS)).eval()
    assert autotune.build("folded", net, torch.device("cpu")).name == "folded"
