"""The networks: the video and audio features of one window in, logits out."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from emolive.errors import ConfigError
from emolive.models.branches import (
    AudioBranch,
    FeatureBranch,
    SpectrogramBranch,
    VideoBranch,
    make_divisible,
)
from emolive.models.fusion.base import Streams
from emolive.models.spec import ModelSpec
from emolive.models.temporal_pooling import (
    AttentiveStatisticsPooling,
    MeanPooling,
    StatisticsPooling,
    present_steps,
)
from emolive.novelty import n_directions
from emolive.plugins import FUSIONS
from emolive.types import MODALITIES

STATS = ("mean", "std", "within_speaker_std")
"""Buffers of each stream; see `EmotionNet`."""

Pooling = MeanPooling | StatisticsPooling | AttentiveStatisticsPooling


class Answers(NamedTuple):
    """The logits of both streams together and of each alone."""

    joint: Tensor
    """(B, classes) logits of the fusion."""
    video: Tensor
    """(B, classes) logits without the audio."""
    audio: Tensor
    """(B, classes) logits without the video."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where the logits come from; `audio + video + bias` are the logits exactly."""

    logits: Tensor
    """(B, classes)"""
    audio: Tensor
    """(B, classes): contribution of the audio half of the pooled vector."""
    video: Tensor
    """(B, classes): contribution of the video half. Each half has met the other stream in the fusion, so
    this is the contribution of a branch and not the answer of one modality; in the published `lt` the
    audio half even consists of values that the audio queried from the video, and vice versa."""
    bias: Tensor
    """(B, classes)"""
    audio_to_video: Tensor | None
    """(B, heads, Ta, Tv): attention of each audio step to each video step; None without attention."""
    video_to_audio: Tensor | None
    """(B, heads, Tv, Ta): attention of each video step to each audio step; None without attention."""


class Contributions(NamedTuple):
    audio: Tensor
    video: Tensor
    bias: Tensor


def novelty_shapes(spec: ModelSpec) -> dict[str, tuple[int, ...]]:
    """Shapes of the buffers that hold an `emolive.novelty.Population` of each stream, for an opinion pool."""
    shapes: dict[str, tuple[int, ...]] = {}
    for stream, width in (("video", spec.frame_dim), ("audio", spec.audio.channels)):
        shapes[f"{stream}_population_mean"] = (width,)
        shapes[f"{stream}_population_whitening"] = (width, n_directions(width))
    return shapes


class EmotionNet(nn.Module):
    """Base of the architectures: a backbone (if the frame encoder is learned), two branches, a fusion.

    An architecture chooses the branches, the pooling over time and how the logits are composed.

    Buffers for preparing the input (`forward` applies none of them): `video_mean`, `video_std`,
    `video_within_speaker_std`, each (spec.video_dim,), and `audio_mean`, `audio_std`,
    `audio_within_speaker_std`, each (spec.audio.channels,). `temperature` (3,) calibrates the
    probabilities for both streams, the audio alone and the video alone, in the order of
    `emolive.types.MODALITIES`.

    Args:
        spec: a valid description; build networks with `emolive.models.factory.build`.

    Raises:
        ConfigError: the description names an unknown fusion or encoder, or cannot be built.
    """

    published: ClassVar[bool]
    """Whether the fusions have their published form."""
    joint_needs_both: ClassVar[bool]
    """Whether the joint classifier counts only where both streams are present."""

    backbone: nn.Module | None
    video_branch: VideoBranch
    audio_branch: AudioBranch | SpectrogramBranch | FeatureBranch
    video_mean: Tensor
    video_std: Tensor
    video_within_speaker_std: Tensor
    audio_mean: Tensor
    audio_std: Tensor
    audio_within_speaker_std: Tensor
    temperature: Tensor

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        encoder = spec.learned_encoder
        self.backbone = None if encoder is None else encoder.build_network()
        self._build_branches(spec)
        audio, video = self.audio_branch, self.video_branch
        self.fusion = FUSIONS.get(spec.fusion)(
            audio=(audio.middle, audio.out),
            video=(video.middle, video.out),
            num_heads=spec.num_heads,
            published=self.published,
        )
        classes = len(spec.labels)
        self.audio_pooling, self.video_pooling = self.make_pooling(audio.out), self.make_pooling(video.out)
        self.audio_only_pooling = self.make_pooling(audio.out)
        self.video_only_pooling = self.make_pooling(video.out)
        of_audio, of_video = self.audio_pooling.width(audio.out), self.video_pooling.width(video.out)
        self.audio_classifier = nn.Linear(of_audio, classes)
        self.video_classifier = nn.Linear(of_video, classes)
        self.dropout = nn.Dropout(spec.dropout)
        self.classifier = nn.Linear(of_audio + of_video, classes)
        for stream, width in (("video", spec.video_dim), ("audio", spec.audio.channels)):
            self.register_buffer(f"{stream}_mean", torch.zeros(width))
            self.register_buffer(f"{stream}_std", torch.ones(width))
            self.register_buffer(f"{stream}_within_speaker_std", torch.ones(width))
        self.register_buffer("temperature", torch.ones(len(MODALITIES)))
        if spec.pool is not None:
            for name, shape in novelty_shapes(spec).items():
                self.register_buffer(name, torch.zeros(shape))

    @abstractmethod
    def _build_branches(self, spec: ModelSpec) -> None:
        """Set `video_branch` and `audio_branch`."""

    @abstractmethod
    def make_pooling(self, channels: int) -> Pooling:
        """Pools a stream of so many channels over time."""

    @abstractmethod
    def forward(self, video: Tensor, audio: Tensor) -> Tensor:
        """Logits (B, classes), not divided by the temperature.

        A stream that is zero in every channel and step is missing.

        Args:
            video: (B, T, video_channels), any T.
            audio: (B, audio_channels, Ta), Ta at least 13.
        """

    @abstractmethod
    def answers(self, video: Tensor, audio: Tensor, grad_scale: float = 1.0) -> Answers:
        """The logits of both streams and of each alone, for training.

        Args:
            video, audio: as for `forward`.
            grad_scale: share of the gradient of the joint answer that reaches the branches.
        """

    @abstractmethod
    def _contributions(self, video: Tensor, audio: Tensor, fused: Streams, alone: Streams) -> Contributions:
        """The contributions to the logits; see `Explanation`."""

    def _pooled(self, streams: Streams, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """The fused audio and video, pooled over time; `video` and `audio` as for `forward`."""
        return (
            self.audio_pooling(streams.audio, present_steps(audio)),
            self.video_pooling(streams.video, present_steps(video.transpose(1, 2))),
        )

    def encode(self, pixels: Tensor) -> Tensor:
        """Vectors of frames by the backbone, frame by frame.

        Args:
            pixels: (N, 3, S, S) prepared according to `spec.pixels`.

        Returns:
            (N, dim of the learned encoder).

        Raises:
            ConfigError: the model has no backbone.
        """
        if self.backbone is None:
            raise ConfigError(f"This model reads {', '.join(self.spec.encoders)}: it has no pixel encoder.")
        vectors: Tensor = self.backbone(pixels)
        return vectors

    def explain(self, video: Tensor, audio: Tensor) -> Explanation:
        """The logits, the contributions of the streams and the attention; inputs as for `forward`."""
        audio1, video1 = self._stage1(video, audio)
        alone = self._alone(audio1, video1)
        fused = self._fused(audio1, video1, alone)
        parts = self._contributions(video, audio, fused, alone)
        logits = parts.audio + parts.video + parts.bias
        return Explanation(logits, *parts, fused.audio_to_video, fused.video_to_audio)

    def _stage1(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Audio and video after the first stage of their branches."""
        # The video comes first: dropout draws in the order that earlier training runs had.
        video1 = self.video_branch.stage1(video.transpose(1, 2))
        return self.audio_branch.stage1(audio), video1

    def _alone(self, audio1: Tensor, video1: Tensor) -> Streams:
        """The streams after the second stage, each by itself."""
        return Streams(self.audio_branch.stage2(audio1), self.video_branch.stage2(video1))

    def _fused(
        self, audio1: Tensor, video1: Tensor, alone: Streams | None = None, grad_scale: float = 1.0
    ) -> Streams:
        """The fused streams before pooling.

        Args:
            audio1, video1: the streams after the first stage.
            alone: the result of `_alone`, if already computed; saves the second stage of a late fusion.
            grad_scale: share of the gradient that reaches the branches.
        """
        if alone is None or self.fusion.intermediate:
            middle: Streams = self.fusion.fuse_intermediate(
                scale_gradient(audio1, grad_scale), scale_gradient(video1, grad_scale)
            )
            audio2, video2 = self.audio_branch.stage2(middle.audio), self.video_branch.stage2(middle.video)
        else:
            middle = alone
            audio2 = scale_gradient(alone.audio, grad_scale)
            video2 = scale_gradient(alone.video, grad_scale)
        late: Streams = self.fusion.fuse_late(audio2, video2)
        attention = late if late.audio_to_video is not None else middle
        return Streams(late.audio, late.video, attention.audio_to_video, attention.video_to_audio)

    def _joint(self, streams: Streams, video: Tensor, audio: Tensor) -> Tensor:
        """Logits (B, classes) of the two streams together; `video` and `audio` as for `forward`."""
        pooled = torch.cat(self._pooled(streams, video, audio), dim=1)
        logits: Tensor = self.classifier(self.dropout(pooled))
        return logits

    def _joint_contributions(self, fused: Streams, video: Tensor, audio: Tensor) -> Contributions:
        of_audio, of_video = self._pooled(fused, video, audio)
        audio_weight, video_weight = self.classifier.weight.tensor_split([of_audio.shape[1]], dim=1)
        bias = self.classifier.bias.expand(len(video), -1)
        return Contributions(of_audio @ audio_weight.mT, of_video @ video_weight.mT, bias)


class Chumachenko2022Net(EmotionNet):
    """The published network (Chumachenko et al., ICPR 2022), exactly.

    A missing stream is a stream of zeros like any other. The two classifiers behind the branches exist in
    the published weights, but nothing reads them.
    """

    published = True
    joint_needs_both = False

    def _build_branches(self, spec: ModelSpec) -> None:
        a, b, c, d = (make_divisible(channels, spec.width) for channels in (64, 128, 256, 128))
        self.video_branch = VideoBranch(spec.video_channels, a, b, spec.dropout)
        self.audio_branch = AudioBranch(spec.audio_channels, (a, b, c, d), spec.dropout)

    def make_pooling(self, channels: int) -> Pooling:
        """The mean over time."""
        return MeanPooling()

    def forward(self, video: Tensor, audio: Tensor) -> Tensor:
        return self._joint(self._fused(*self._stage1(video, audio)), video, audio)

    def answers(self, video: Tensor, audio: Tensor, grad_scale: float = 1.0) -> Answers:
        """See `EmotionNet.answers`; a missing stream needs a separate pass, and `grad_scale` is unused."""
        no_audio, no_video = torch.zeros_like(audio), torch.zeros_like(video)
        return Answers(self(video, audio), self(video, no_audio), self(no_video, audio))

    def _contributions(self, video: Tensor, audio: Tensor, fused: Streams, alone: Streams) -> Contributions:
        return self._joint_contributions(fused, video, audio)


def scale_gradient(x: Tensor, scale: float) -> Tensor:
    """The same values; the gradient is multiplied by `scale`."""
    return x if scale == 1 else scale * x + (1 - scale) * x.detach()
