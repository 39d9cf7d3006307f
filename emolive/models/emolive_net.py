"""The networks of the shipped weights, with an answer for each stream alone."""

from __future__ import annotations

import torch
from torch import Tensor

from emolive.models.branches import FeatureBranch, SpectrogramBranch, VideoBranch, make_divisible
from emolive.models.fusion.base import Streams
from emolive.models.network import Answers, Contributions, EmotionNet, Pooling
from emolive.models.spec import NO_BASELINE, ModelSpec
from emolive.models.temporal_pooling import AttentiveStatisticsPooling, StatisticsPooling, present_steps

MIXTURE = (0.5, 0.25, 0.25)
"""Weights of the joint answer, the face's and the voice's, where the person is known."""
UNKNOWN_MIXTURE = (0.3, 0.2, 0.5)
"""The same without a baseline of the face: what the joint answer makes of a face is then less worth, and the
voice's more. Chosen on held-out actors (docs/experiments.md, "The mixture without a baseline")."""


class EmoliveNet(EmotionNet):
    """The network of the shipped weights, with an answer for each stream alone.

    The audio branch is chosen by the voice encoder: 2-D convolutions for levels of frequency bands, and
    convolutions along time for any other features.

    With both streams the answer is a mixture of the joint answer and the two single ones; with one stream it
    is that stream's alone. Each stream has its own classifier: with a common one, the audio stays half
    trained, since the face is the easier cue in training.
    """

    published = False
    joint_needs_both = True

    def extra_repr(self) -> str:
        """The mixtures, so that an export of others is not taken for one of these."""
        return f"mixture={MIXTURE}, unknown_mixture={UNKNOWN_MIXTURE}"

    def _build_branches(self, spec: ModelSpec) -> None:
        a, b, d = (make_divisible(channels, spec.width) for channels in (64, 128, 128))
        self.video_branch = VideoBranch(spec.video_channels, a, b, spec.dropout, first_kernel=1)
        if spec.audio.encoder.has_band_levels:
            self.audio_branch = SpectrogramBranch(
                spec.audio_channels, spec.audio.channels, b, d, spec.dropout
            )
        else:
            self.audio_branch = FeatureBranch(spec.audio_channels, b, d, spec.dropout)

    def make_pooling(self, channels: int) -> Pooling:
        """Mean and standard deviation over time."""
        return StatisticsPooling()

    def forward(self, video: Tensor, audio: Tensor) -> Tensor:
        answers = self.answers(video, audio)
        joint, by_video, by_audio = self.mixture_weights(video, audio)
        return joint * answers.joint + by_video * answers.video + by_audio * answers.audio

    def answers(self, video: Tensor, audio: Tensor, grad_scale: float = 1.0) -> Answers:
        """See `EmotionNet.answers`; one pass for all three. With a `grad_scale` below 1 the audio branch
        keeps learning from clips that the face alone classifies."""
        audio1, video1 = self._stage1(video, audio)
        alone = self._alone(audio1, video1)
        fused = self._fused(audio1, video1, alone, grad_scale)
        of_audio, of_video = self._pooled_alone(alone, video, audio)
        by_video = self.video_classifier(self.dropout(of_video))
        by_audio = self.audio_classifier(self.dropout(of_audio))
        return Answers(self._joint(fused, video, audio), by_video, by_audio)

    def mixture_weights(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Weights (B, 1) of the joint answer, the video's and the audio's; they sum to 1.

        `MIXTURE` or `UNKNOWN_MIXTURE` with both streams, else 1 for the present stream.
        """
        has_video, has_audio = has_signal(video).to(video), has_signal(audio).to(audio)
        both, unknown = has_video * has_audio, self._is_unknown(video)
        joint, by_video, by_audio = (
            usual + unknown * (changed - usual)
            for usual, changed in zip(MIXTURE, UNKNOWN_MIXTURE, strict=True)
        )
        return (
            both * joint,
            both * by_video + has_video * (1 - has_audio),
            both * by_audio + (1 - has_video),
        )

    def _is_unknown(self, video: Tensor) -> Tensor:
        """(B, 1): 1 where the face is read without a baseline of the person, else 0."""
        if NO_BASELINE not in self.spec.baselines:
            return torch.zeros_like(video[:, 0, :1])
        flag = self.spec.video_dim + self.spec.baselines.index(NO_BASELINE)
        return (video[:, :, flag].amax(dim=1, keepdim=True) > 0.5).to(video)

    def _pooled_alone(self, alone: Streams, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """As `_pooled`, of each stream by itself."""
        return (
            self.audio_only_pooling(alone.audio, present_steps(audio)),
            self.video_only_pooling(alone.video, present_steps(video.transpose(1, 2))),
        )

    def _contributions(self, video: Tensor, audio: Tensor, fused: Streams, alone: Streams) -> Contributions:
        together = self._joint_contributions(fused, video, audio)
        joint, by_video, by_audio = self.mixture_weights(video, audio)
        of_audio, of_video = self._pooled_alone(alone, video, audio)
        only_audio = of_audio @ self.audio_classifier.weight.mT
        only_video = of_video @ self.video_classifier.weight.mT
        return Contributions(
            joint * together.audio + by_audio * only_audio,
            joint * together.video + by_video * only_video,
            joint * together.bias
            + by_video * self.video_classifier.bias
            + by_audio * self.audio_classifier.bias,
        )


class EmoliveStreamNet(EmoliveNet):
    """`EmoliveNet` for streams: pooling over time weighs each step by its content and its age."""

    def make_pooling(self, channels: int) -> Pooling:
        """Attention over time that knows the age of a step."""
        return AttentiveStatisticsPooling(channels)


def has_signal(x: Tensor) -> Tensor:
    """(B, …, …) → (B, 1): whether any value of a sample is not zero."""
    return x.abs().amax(dim=(1, 2))[:, None] > 0
