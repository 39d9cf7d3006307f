"""The whole network: frame vectors and audio features of one window in, logits out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from emolive.errors import EmoliveError
from emolive.models.branches import AudioBranch, SpectrogramBranch, VisualBranch, make_divisible
from emolive.models.efficientface import EfficientFace
from emolive.models.fusion import RESIDUAL, Streams
from emolive.models.registry import fusion_class
from emolive.models.spec import ModelSpec
from emolive.types import MODALITIES


class Branches(NamedTuple):
    """What a network says of both streams together and of each alone."""

    joint: Tensor
    """(B, classes) logits of the fusion."""
    video: Tensor
    """(B, classes) logits without the audio."""
    audio: Tensor
    """(B, classes) logits without the video."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the network said what it said; `audio + video + bias` are the logits exactly."""

    logits: Tensor
    """(B, classes)"""
    audio: Tensor
    """(B, classes): the part of the logits that the audio half of the pooled vector adds."""
    video: Tensor
    """(B, classes): the part that the video half adds. Each half has met the other stream through the
    attention, so this is a branch's part, not what the modality alone would say; in the published `lt`
    the audio half even consists of what audio fetched from video, and the other way round."""
    bias: Tensor
    """(B, classes)"""
    audio_to_video: Tensor
    """(B, heads, Ta, Tv): how much each audio step looks at each video step."""
    video_to_audio: Tensor
    """(B, heads, Tv, Ta): how much each video step looks at each audio step."""


def mean(x: Tensor) -> Tensor:
    """(B, C, T) → (B, C), as published."""
    return x.mean(dim=-1)


def mean_and_spread(x: Tensor) -> Tensor:
    """(B, C, T) → (B, 2 C): the mean over time and, behind it, the standard deviation."""
    return torch.cat([x.mean(dim=-1), (x.var(dim=-1, correction=0) + 1e-4).sqrt()], dim=-1)


def scale_gradient(x: Tensor, share: float) -> Tensor:
    """The same values; only `share` of the gradient goes back."""
    return x if share == 1 else share * x + (1 - share) * x.detach()


def has_signal(x: Tensor) -> Tensor:
    """(B, …, …) → (B, 1): whether a sample has anything of this stream."""
    return x.abs().amax(dim=(1, 2))[:, None] > 0


def _weights(video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How much of the residual arch's answer is the joint one, the video's and the audio's; (B, 1) each.

    With both streams the mean of what they say together and what they say one by one; else the one there is.
    """
    has_video, has_audio = has_signal(video).to(video), has_signal(audio).to(audio)
    joint, by_video = has_video * has_audio / 2, has_video * (1 - 3 * has_audio / 4)
    return joint, by_video, 1 - joint - by_video


def calibrated(logits: Tensor, temperature: Tensor, video: Tensor, audio: Tensor) -> Tensor:
    """Probabilities (B, classes) of logits, by the temperature of the streams that there are.

    Args:
        logits: (B, classes)
        temperature: (3,) in the order of `emolive.types.MODALITIES`.
        video, audio: the network's inputs.
    """
    only_audio, only_video = ~has_signal(video)[:, 0], ~has_signal(audio)[:, 0]
    which = torch.where(only_audio, MODALITIES.index("a"), only_video * MODALITIES.index("v"))
    return (logits / temperature[which][:, None]).softmax(dim=-1)


def _check(spec: ModelSpec) -> None:
    if len(spec.labels) < 2:
        raise EmoliveError("A model needs at least two labels to choose from.")
    if len(set(spec.encoders)) < len(spec.encoders):
        raise EmoliveError(f"A frame encoder is named twice: {', '.join(spec.encoders)}.")
    if not 0 <= spec.dropout < 1:
        raise EmoliveError(f"Dropout must be from 0 to below 1, and is {spec.dropout}.")
    if spec.width <= 0:
        raise EmoliveError(f"The width of a model must be above 0, and is {spec.width}.")


class EmotionNet(nn.Module):
    """A frame encoder (if it is learned), two branches along time, a fusion and a linear classifier.

    The published networks hold two small classifiers behind the branches that nothing reads. The residual
    arch reads them where the other stream is missing, and trains them: with a classifier in common, a
    voice that the face had outdone in training was left half learned.

    Buffers for whoever prepares the input (`forward` itself applies none of them): `face_mean`,
    `face_std`, `face_within`, each (spec.video_dim,), and `voice_mean`, `voice_std`, `voice_within`,
    each (spec.audio.channels,): mean and deviation over everybody, and deviation within persons.
    `temperature` (3,) calibrates `probs`: for both streams, the voice alone and the face alone.

    Raises:
        EmoliveError: the description names an unknown fusion, arch or encoder, or cannot be built.
    """

    face_mean: Tensor
    face_std: Tensor
    face_within: Tensor
    voice_mean: Tensor
    voice_std: Tensor
    voice_within: Tensor
    temperature: Tensor

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        _check(spec)
        self.spec = spec
        classes = len(spec.labels)
        self.backbone = EfficientFace() if "efficientface" in spec.encoders else None
        a, b, c, d = (make_divisible(channels, spec.width) for channels in (64, 128, 256, 128))
        self.audio: AudioBranch | SpectrogramBranch
        if spec.arch == RESIDUAL:
            self.visual = VisualBranch(spec.video_channels, a, b, spec.dropout, first_kernel=1)
            self.audio = SpectrogramBranch(spec.audio_channels, spec.audio.channels, b, d, spec.dropout)
            self.pool, parts = mean_and_spread, 2
        else:
            self.visual = VisualBranch(spec.video_channels, a, b, spec.dropout)
            self.audio = AudioBranch(spec.audio_channels, (a, b, c, d), spec.dropout)
            self.pool, parts = mean, 1
        self.fusion = fusion_class(spec.fusion, spec.arch)(
            audio=(self.audio.middle, self.audio.out),
            video=(self.visual.middle, self.visual.out),
            heads=spec.num_heads,
        )
        self.audio_classifier = nn.Linear(parts * self.audio.out, classes)
        self.visual_classifier = nn.Linear(parts * self.visual.out, classes)
        self.dropout = nn.Dropout(spec.dropout)
        self.classifier = nn.Linear(parts * (self.audio.out + self.visual.out), classes)
        for stream, width in (("face", spec.video_dim), ("voice", spec.audio.channels)):
            self.register_buffer(f"{stream}_mean", torch.zeros(width))
            self.register_buffer(f"{stream}_std", torch.ones(width))
            self.register_buffer(f"{stream}_within", torch.ones(width))
        self.register_buffer("temperature", torch.ones(len(MODALITIES)))

    @property
    def video_channels(self) -> int:
        """Width of a step of the video input."""
        return self.spec.video_channels

    @property
    def audio_channels(self) -> int:
        """Channels of the audio input."""
        return self.spec.audio_channels

    def encode(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) prepared as `spec.pixels` says → (N, 1024), frame by frame.

        Raises:
            EmoliveError: the model reads no pixels.
        """
        if self.backbone is None:
            raise EmoliveError("This model reads facial geometry, not pixels: it has no pixel encoder.")
        vectors: Tensor = self.backbone(pixels)
        return vectors

    def _streams(self, video: Tensor, audio: Tensor, share: float = 1.0) -> tuple[Streams, Streams]:
        """The two streams before pooling: with each other, and each by itself.

        What the two make together sends `share` of its gradient back into where each was alone.
        """
        seen1, heard1 = self.visual.stage1(video.transpose(1, 2)), self.audio.stage1(audio)
        middle = self.fusion.fuse_intermediate(scale_gradient(heard1, share), scale_gradient(seen1, share))
        alone = Streams(self.audio.stage2(heard1), self.visual.stage2(seen1))
        if middle.audio_to_video is None:
            heard, seen = scale_gradient(alone.audio, share), scale_gradient(alone.video, share)
        else:
            heard, seen = self.audio.stage2(middle.audio), self.visual.stage2(middle.video)
        late = self.fusion.fuse_late(heard, seen)
        weights = late if late.audio_to_video is not None else middle
        return Streams(late.audio, late.video, weights.audio_to_video, weights.video_to_audio), alone

    def _joint(self, streams: Streams) -> Tensor:
        """Logits (B, classes) of the two streams together."""
        pooled = torch.cat([self.pool(streams.audio), self.pool(streams.video)], dim=1)
        logits: Tensor = self.classifier(self.dropout(pooled))
        return logits

    def forward(self, video: Tensor, audio: Tensor) -> Tensor:
        """Logits (B, classes), not yet divided by the temperature.

        A stream that is zero in every channel and step is missing. As published that is a stream like
        any other. The residual arch then answers from the other stream alone; with both it answers
        with the mean of what they say together and what they say one by one.

        Args:
            video: (B, T, video_channels), any T.
            audio: (B, audio_channels, Ta), Ta at least 13.
        """
        if self.spec.arch != RESIDUAL:
            return self._joint(self._streams(video, audio)[0])
        found = self.branches(video, audio)
        joint, by_video, by_audio = _weights(video, audio)
        return joint * found.joint + by_video * found.video + by_audio * found.audio

    def branches(self, video: Tensor, audio: Tensor, share: float = 1.0) -> Branches:
        """The answers from which the logits of `forward` are made, for whoever trains them.

        One pass for all three in the residual arch; as published a missing stream is a stream of
        zeros, which takes a pass of its own.

        Args:
            video, audio: as for `forward`.
            share: of the gradient of the joint answer that reaches what a stream is by itself. Below 1 a
                voice goes on learning where the face has the answer already (residual arch).
        """
        if self.spec.arch != RESIDUAL:
            silent, blind = torch.zeros_like(audio), torch.zeros_like(video)
            return Branches(self(video, audio), self(video, silent), self(blind, audio))
        fused, alone = self._streams(video, audio, share)
        seen = self.visual_classifier(self.dropout(self.pool(alone.video)))
        heard = self.audio_classifier(self.dropout(self.pool(alone.audio)))
        return Branches(self._joint(fused), seen, heard)

    def probs(self, video: Tensor, audio: Tensor) -> Tensor:
        """Calibrated probabilities (B, classes): softmax(logits / temperature)."""
        return calibrated(self(video, audio), self.temperature, video, audio)

    def explain(self, video: Tensor, audio: Tensor) -> Explanation:
        """The logits, where they come from and what looked at what; inputs as for `forward`.

        Raises:
            EmoliveError: the fusion has no attention.
        """
        streams, alone = self._streams(video, audio)
        if streams.audio_to_video is None or streams.video_to_audio is None:
            raise EmoliveError(f"The fusion {self.spec.fusion} has no attention to look at.")
        heard, seen = self.pool(streams.audio), self.pool(streams.video)
        of_audio, of_video = self.classifier.weight.tensor_split([heard.shape[1]], dim=1)
        from_audio, from_video = heard @ of_audio.mT, seen @ of_video.mT
        bias = self.classifier.bias.expand(len(video), -1)
        if self.spec.arch == RESIDUAL:
            joint, by_video, by_audio = _weights(video, audio)
            only_audio = self.pool(alone.audio) @ self.audio_classifier.weight.mT
            only_video = self.pool(alone.video) @ self.visual_classifier.weight.mT
            from_audio = joint * from_audio + by_audio * only_audio
            from_video = joint * from_video + by_video * only_video
            bias = (
                joint * bias + by_video * self.visual_classifier.bias + by_audio * self.audio_classifier.bias
            )
        return Explanation(
            from_audio + from_video + bias,
            from_audio,
            from_video,
            bias,
            streams.audio_to_video,
            streams.video_to_audio,
        )
