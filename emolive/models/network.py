"""The whole network: frame vectors and audio features of one window in, logits out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from emolive.errors import EmoliveError
from emolive.models.fusion import RESIDUAL, Streams
from emolive.models.registry import fusion_class
from emolive.models.spec import ModelSpec
from emolive.models.temporal import AudioBranch, SpectralBranch, VisualBranch, scaled
from emolive.models.trunk import EfficientFace


class Branches(NamedTuple):
    """What the whole network and each of its branches would answer; for whoever trains them."""

    fused: Tensor
    """(B, classes) logits, as `forward` gives them."""
    video: Tensor
    """(B, classes) logits of the video branch's own classifier."""
    audio: Tensor
    """(B, classes) logits of the audio branch's own classifier."""


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
    """(classes,)"""
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

    Two small classifiers stand behind the branches alone, as in the published networks; nothing
    reads them but whoever trains them.

    Buffers for whoever prepares the input (`forward` itself applies none of them): `face_mean`,
    `face_std`, `face_within`, each (spec.face_width,), and `voice_mean`, `voice_std`, `voice_within`,
    each (spec.audio.channels,): mean and deviation over everybody, and deviation within persons.
    `temperature` () calibrates `probs`.

    Raises:
        EmoliveError: the description names an unknown fusion, variant or encoder, or cannot be built.
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
        self.trunk = EfficientFace() if "efficientface" in spec.encoders else None
        a, b, c, d = (scaled(channels, spec.width) for channels in (64, 128, 256, 128))
        self.audio: AudioBranch | SpectralBranch
        if spec.variant == RESIDUAL:
            self.visual = VisualBranch(spec.video_channels, a, b, spec.dropout, first_kernel=1)
            self.audio = SpectralBranch(spec.audio_channels, spec.audio.channels, b, d, spec.dropout)
            self.pool, parts = mean_and_spread, 2
        else:
            self.visual = VisualBranch(spec.video_channels, a, b, spec.dropout)
            self.audio = AudioBranch(spec.audio_channels, (a, b, c, d), spec.dropout)
            self.pool, parts = mean, 1
        self.fusion = fusion_class(spec.fusion, spec.variant)(
            audio=(self.audio.middle, self.audio.out),
            video=(self.visual.middle, self.visual.out),
            heads=spec.heads,
        )
        self.audio_classifier = nn.Linear(parts * self.audio.out, classes)
        self.visual_classifier = nn.Linear(parts * self.visual.out, classes)
        self.dropout = nn.Dropout(spec.dropout)
        self.classifier = nn.Linear(parts * (self.audio.out + self.visual.out), classes)
        for stream, width in (("face", spec.face_width), ("voice", spec.audio.channels)):
            self.register_buffer(f"{stream}_mean", torch.zeros(width))
            self.register_buffer(f"{stream}_std", torch.ones(width))
            self.register_buffer(f"{stream}_within", torch.ones(width))
        self.register_buffer("temperature", torch.ones(()))

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
        if self.trunk is None:
            raise EmoliveError("This model reads facial geometry, not pixels: it has no pixel encoder.")
        vectors: Tensor = self.trunk(pixels)
        return vectors

    def _fuse(self, video: Tensor, audio: Tensor) -> Streams:
        middle = self.fusion.between(self.audio.stage1(audio), self.visual.stage1(video.mT))
        late = self.fusion.after(self.audio.stage2(middle.audio), self.visual.stage2(middle.video))
        return (
            late
            if late.audio_to_video is not None
            else late._replace(audio_to_video=middle.audio_to_video, video_to_audio=middle.video_to_audio)
        )

    def forward(self, video: Tensor, audio: Tensor) -> Tensor:
        """Logits (B, classes), not yet divided by the temperature.

        Args:
            video: (B, T, video_channels), any T.
            audio: (B, audio_channels, Ta), Ta at least 13.
        """
        return self.branches(video, audio).fused

    def branches(self, video: Tensor, audio: Tensor) -> Branches:
        """The logits of `forward` and those of each branch alone; inputs as for `forward`."""
        streams = self._fuse(video, audio)
        heard, seen = self.dropout(self.pool(streams.audio)), self.dropout(self.pool(streams.video))
        return Branches(
            self.classifier(torch.cat([heard, seen], dim=1)),
            self.visual_classifier(seen),
            self.audio_classifier(heard),
        )

    def probs(self, video: Tensor, audio: Tensor) -> Tensor:
        """Calibrated probabilities (B, classes): softmax(logits / temperature)."""
        logits: Tensor = self(video, audio)
        return (logits / self.temperature).softmax(dim=-1)

    def explain(self, video: Tensor, audio: Tensor) -> Explanation:
        """The logits, where they come from and what looked at what; inputs as for `forward`.

        Raises:
            EmoliveError: the fusion has no attention.
        """
        streams = self._fuse(video, audio)
        if streams.audio_to_video is None or streams.video_to_audio is None:
            raise EmoliveError(f"The fusion {self.spec.fusion} has no attention to look at.")
        from_audio = streams.audio.mean(dim=-1) @ self.classifier.weight[:, : self.audio.out].mT
        from_video = streams.video.mean(dim=-1) @ self.classifier.weight[:, self.audio.out :].mT
        bias = self.classifier.bias
        return Explanation(
            from_audio + from_video + bias,
            from_audio,
            from_video,
            bias,
            streams.audio_to_video,
            streams.video_to_audio,
        )
