"""The architecture of the shipped weights: outputs with one and with both streams, and gradients."""

from __future__ import annotations

import pytest
import torch

from emolive.models import factory
from emolive.models.input_spec import AudioSpec
from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec

FUSIONS = ("lt", "it", "ia")


def built(fusion: str) -> EmotionNet:
    torch.manual_seed(3)
    spec = ModelSpec(
        fusion=fusion,
        encoders=("landmarks",),
        landmarker="dlib68",
        pooling="mean",
        audio=AudioSpec(kind="logmel", n_fft=1024, hop_length=441, n_mels=64),
        baselines=("none", "neutral", "running"),
        arch="emolive",
    )
    return factory.build(spec).eval()


def inputs(net: EmotionNet, n: int = 4, baseline: str = "running") -> tuple[torch.Tensor, torch.Tensor]:
    flags = torch.tensor([float(mode == baseline) for mode in net.spec.baselines])
    video = torch.cat([torch.randn(n, 15, net.spec.video_dim), flags.expand(n, 15, -1)], dim=2)
    return video, torch.randn(n, net.spec.audio_channels, 180)


@pytest.mark.parametrize("fusion", FUSIONS)
@torch.no_grad()
def test_answers_of_both_streams_and_of_each(fusion: str) -> None:
    net = built(fusion)
    video, audio = inputs(net)
    answers = net.answers(video, audio)
    torch.testing.assert_close(net(video, audio), answers.joint / 2 + (answers.video + answers.audio) / 4)
    assert (answers.joint - answers.video).abs().max() > 1e-3


@torch.no_grad()
def test_without_a_baseline_of_the_face_the_voice_counts_more() -> None:
    net = built("ia")
    video, audio = inputs(net, baseline="none")
    answers = net.answers(video, audio)
    expected = 0.3 * answers.joint + 0.2 * answers.video + 0.5 * answers.audio
    torch.testing.assert_close(net(video, audio), expected)
    # The first bins of a session may have no face: the flag is in the others.
    video[:, :9] = 0
    answers = net.answers(video, audio)
    expected = 0.3 * answers.joint + 0.2 * answers.video + 0.5 * answers.audio
    torch.testing.assert_close(net(video, audio), expected)


@pytest.mark.parametrize("fusion", FUSIONS)
@torch.no_grad()
def test_a_missing_stream_leaves_the_other_unchanged_in_any_batch(fusion: str) -> None:
    net = built(fusion)
    video, audio = inputs(net)
    answers = net.answers(video, audio)
    masked_video, masked_audio = video.clone(), audio.clone()
    masked_video[1], masked_audio[2] = 0, 0
    got = net(masked_video, masked_audio)
    torch.testing.assert_close(got[1], answers.audio[1])
    torch.testing.assert_close(got[2], answers.video[2])
    torch.testing.assert_close(got[[0, 3]], net(video, audio)[[0, 3]])


@pytest.mark.parametrize("fusion", FUSIONS)
@torch.no_grad()
def test_an_explanation_adds_up_with_both_and_with_one(fusion: str) -> None:
    net = built(fusion)
    video, audio = inputs(net)
    video[1], audio[2] = 0, 0
    explanation = net.explain(video, audio)
    torch.testing.assert_close(explanation.logits, net(video, audio))
    torch.testing.assert_close(explanation.audio + explanation.video + explanation.bias, explanation.logits)
    assert not explanation.video[1].any()
    assert not explanation.audio[2].any()
    assert explanation.video[0].any()
    assert explanation.audio[0].any()


@pytest.mark.parametrize("fusion", FUSIONS)
def test_gradient_scale_changes_gradients_but_no_output(fusion: str) -> None:
    net = built(fusion)
    video, audio = inputs(net)
    plain = net.answers(video, audio)
    sizes = []
    for share in (1.0, 0.25, 0.0):
        net.zero_grad()
        scaled = net.answers(video, audio, share)
        for actual, expected in zip(scaled, plain, strict=True):
            torch.testing.assert_close(actual, expected)
        scaled.joint.square().sum().backward()
        sizes.append(
            sum(float(p.grad.abs().sum()) for p in net.video_branch.stage1.parameters() if p.grad is not None)
        )
    assert sizes[1] == pytest.approx(sizes[0] / 4, rel=1e-3)
    assert sizes[2] == 0
