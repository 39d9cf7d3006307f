"""`ia`, the intermediate attention (Chumachenko et al., ICPR 2022, sec. III-C3)."""

from __future__ import annotations

import torch
from torch import Tensor

from emolive.models.fusion.base import CrossAttention, Fusion, Streams


class IntermediateAttention(Fusion):
    """Between the stages each step of a stream is weighted by the attention it got from the other stream.

    As published the weight of a step is a sum over the queries, without normalisation: its mean is
    Ta / Tv on the video stream and Tv / Ta on the audio stream, so that a trained model only fits the
    window length that it was trained with. Otherwise the weights have mean 1 at any window length. The
    value and output projections of the attention exist, but are not used.
    """

    def __init__(
        self, *, audio: tuple[int, int], video: tuple[int, int], num_heads: int, published: bool
    ) -> None:
        super().__init__(audio=audio, video=video, num_heads=num_heads, published=published)
        self.published = published
        self.audio_queries = CrossAttention(audio[0], video[0], num_heads)
        self.video_queries = CrossAttention(video[0], audio[0], num_heads)

    def fuse_intermediate(self, audio: Tensor, video: Tensor) -> Streams:
        a, v = audio.transpose(1, 2), video.transpose(1, 2)
        audio_to_video = self.audio_queries.weights(a, v)
        video_to_audio = self.video_queries.weights(v, a)
        return Streams(
            audio * self.gate(video_to_audio),
            video * self.gate(audio_to_video),
            audio_to_video,
            video_to_audio,
        )

    def gate(self, weights: Tensor) -> Tensor:
        """Weights of the steps of a stream: (B, heads, Tq, Tk) → (B, 1, Tk)."""
        if self.published:
            return torch.sum(weights.mean(dim=1), dim=1, keepdim=True)
        return weights.mean(dim=(1, 2))[:, None] * weights.shape[-1]
