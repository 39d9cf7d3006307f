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
    """What a network says with both streams and with each alone; for whoever trains it."""

    fused: Tensor
    """(B, classes) logits, as `forward` gives them."""
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


def _present(x: Tensor) -> Tensor:
    """(B, …, …) → (B, 1, 1): whether a sample has anything of this stream."""
    return x.abs().amax(dim=(1, 2), keepdim=True) > 0


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

    The published networks hold two small classifiers behind the branches that nothing reads; they are
    built in the reference variant alone, where published checkpoints have them.

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
        if spec.variant != RESIDUAL:
            self.audio_classifier = nn.Linear(self.audio.out, classes)
            self.visual_classifier = nn.Linear(self.visual.out, classes)
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

    def _streams(self, video: Tensor, audio: Tensor) -> tuple[Streams, Streams]:
        """The two streams before pooling: with each other, and each as if the other were missing."""
        seen1, heard1 = self.visual.stage1(video.mT), self.audio.stage1(audio)
        middle = self.fusion.between(heard1, seen1)
        there = _present(audio), _present(video)
        heard, seen = self._unless_alone(middle, heard1, seen1, there)
        alone = Streams(self.audio.stage2(heard1), self.visual.stage2(seen1))
        if middle.audio_to_video is None:
            heard, seen = alone.audio, alone.video
        else:
            heard, seen = self.audio.stage2(heard), self.visual.stage2(seen)
        late = self.fusion.after(heard, seen)
        heard, seen = self._unless_alone(late, heard, seen, there)
        weights = late if late.audio_to_video is not None else middle
        return Streams(heard, seen, weights.audio_to_video, weights.video_to_audio), alone

    def _unless_alone(
        self, fused: Streams, heard: Tensor, seen: Tensor, there: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The fused streams; but a stream whose other is missing goes on as it was (not as published)."""
        if self.spec.variant != RESIDUAL:
            return fused.audio, fused.video
        has_audio, has_video = there
        return torch.where(has_video, fused.audio, heard), torch.where(has_audio, fused.video, seen)

    def _pooled(self, streams: Streams, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """What the classifier sees of both streams: (B, width) each, nothing of one that is missing."""
        heard, seen = self.pool(streams.audio), self.pool(streams.video)
        if self.spec.variant == RESIDUAL:
            heard, seen = heard * _present(audio)[..., 0], seen * _present(video)[..., 0]
        return heard, seen

    def forward(self, video: Tensor, audio: Tensor) -> Tensor:
        """Logits (B, classes), not yet divided by the temperature.

        A stream that is zero in every channel and step is missing.

        Args:
            video: (B, T, video_channels), any T.
            audio: (B, audio_channels, Ta), Ta at least 13.
        """
        heard, seen = self._pooled(self._streams(video, audio)[0], video, audio)
        logits: Tensor = self.classifier(self.dropout(torch.cat([heard, seen], dim=1)))
        return logits

    def branches(self, video: Tensor, audio: Tensor) -> Branches:
        """The logits of `forward`, and those it would give if the other stream were missing.

        One pass for all three where the variant treats a missing stream as missing; as published a
        missing stream is a stream of zeros, which takes a pass of its own.
        """
        if self.spec.variant != RESIDUAL:
            silent, blind = torch.zeros_like(audio), torch.zeros_like(video)
            return Branches(self(video, audio), self(video, silent), self(blind, audio))
        fused, alone = self._streams(video, audio)
        heard, seen = self._pooled(fused, video, audio)
        heard_alone, seen_alone = self._pooled(alone, video, audio)
        nothing = torch.zeros_like(heard), torch.zeros_like(seen)
        pairs = (heard, seen), (nothing[0], seen_alone), (heard_alone, nothing[1])
        return Branches(*(self.classifier(self.dropout(torch.cat(pair, dim=1))) for pair in pairs))

    def probs(self, video: Tensor, audio: Tensor) -> Tensor:
        """Calibrated probabilities (B, classes): softmax(logits / temperature)."""
        logits: Tensor = self(video, audio)
        return (logits / self.temperature).softmax(dim=-1)

    def explain(self, video: Tensor, audio: Tensor) -> Explanation:
        """The logits, where they come from and what looked at what; inputs as for `forward`.

        Raises:
            EmoliveError: the fusion has no attention.
        """
        streams = self._streams(video, audio)[0]
        if streams.audio_to_video is None or streams.video_to_audio is None:
            raise EmoliveError(f"The fusion {self.spec.fusion} has no attention to look at.")
        heard, seen = self._pooled(streams, video, audio)
        from_audio = heard @ self.classifier.weight[:, : heard.shape[1]].mT
        from_video = seen @ self.classifier.weight[:, heard.shape[1] :].mT
        bias = self.classifier.bias
        return Explanation(
            from_audio + from_video + bias,
            from_audio,
            from_video,
            bias,
            streams.audio_to_video,
            streams.video_to_audio,
        )
