"""The three published fusions of the audio and the video stream: lt, it, ia.

Chumachenko, Iosifidis and Gabbouj, "Self-attention fusion for audiovisual emotion recognition with
incomplete data", ICPR 2022, sec. III-C.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from emolive.errors import EmoliveError
from emolive.models.registry import register


class Streams(NamedTuple):
    """What a fusion makes of the two streams."""

    audio: Tensor
    """(B, Ca, Ta)"""
    video: Tensor
    """(B, Cv, Tv)"""
    audio_to_video: Tensor | None = None
    """(B, heads, Ta, Tv): how much each audio step looks at each video step; rows sum to 1."""
    video_to_audio: Tensor | None = None
    """(B, heads, Tv, Ta): how much each video step looks at each audio step; rows sum to 1."""


class CrossAttention(nn.Module):
    """One stream queries another (sec. III-C, eq. 1): the output has the queries' width and length."""

    def __init__(self, query_width: int, key_width: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or query_width % heads:
            raise EmoliveError(
                f"{heads} attention heads do not divide a stream of {query_width} channels evenly: "
                f"choose another number of heads or another width."
            )
        self.heads = heads
        self.q = nn.Linear(query_width, query_width, bias=False)
        self.kv = nn.Linear(key_width, 2 * query_width, bias=False)
        self.out = nn.Linear(query_width, query_width)

    def _split(self, x: Tensor) -> Tensor:
        """(B, T, C) → (B, heads, T, C / heads)"""
        return torch.unflatten(x, -1, (self.heads, -1)).transpose(1, 2)

    def _weights(self, query: Tensor, key: Tensor) -> Tensor:
        q, k = self._split(self.q(query)), self._split(key)
        scores: Tensor = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        return scores.softmax(dim=-1)

    def weights(self, query: Tensor, key: Tensor) -> Tensor:
        """(B, Tq, Cq), (B, Tk, Ck) → (B, heads, Tq, Tk), without computing the values."""
        return self._weights(query, nn.functional.linear(key, self.kv.weight.chunk(2)[0]))

    def forward(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """(B, Tq, Cq), (B, Tk, Ck) → the attended values (B, Tq, Cq) and the weights (B, heads, Tq, Tk)."""
        keys, values = self.kv(key).chunk(2, dim=-1)
        weights = self._weights(query, keys)
        mixed = (weights @ self._split(values)).transpose(1, 2).flatten(2)
        return self.out(mixed), weights


class TransformerBlock(nn.Module):
    """Attention, then an MLP with a residual; as published none goes round the attention itself."""

    residual = False

    def __init__(self, query_width: int, key_width: int, heads: int, ratio: int = 2) -> None:
        super().__init__()
        self.norm_query = nn.LayerNorm(query_width)
        self.norm_key = nn.LayerNorm(key_width)
        self.attention = CrossAttention(query_width, key_width, heads)
        self.norm_mlp = nn.LayerNorm(query_width)
        self.mlp = nn.Sequential(
            nn.Linear(query_width, ratio * query_width),
            nn.GELU(),
            nn.Linear(ratio * query_width, query_width),
        )

    def forward(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """(B, Tq, Cq), (B, Tk, Ck) → (B, Tq, Cq) and the weights (B, heads, Tq, Tk)."""
        x, weights = self.attention(self.norm_query(query), self.norm_key(key))
        if self.residual:
            x = query + x
        return x + self.mlp(self.norm_mlp(x)), weights


class ResidualBlock(TransformerBlock):
    """The usual block: what the query has goes on beside what it found in the other stream."""

    residual = True


class Fusion(nn.Module):
    """Two places where the streams may meet; a fusion fills one or both of them.

    Args of every fusion: the channels of both streams after stage 1 and after stage 2, and the heads.
    """

    def __init__(self, *, audio: tuple[int, int], video: tuple[int, int], heads: int) -> None:
        super().__init__()

    def fuse_intermediate(self, audio: Tensor, video: Tensor) -> Streams:
        """Between the stages: (B, Ca, Ta), (B, Cv, Tv) → streams of the same shapes."""
        return Streams(audio, video)

    def fuse_late(self, audio: Tensor, video: Tensor) -> Streams:
        """After stage 2: (B, Ca, Ta), (B, Cv, Tv) → streams of the same channels."""
        return Streams(audio, video)


@register("lt")
class LateTransformer(Fusion):
    """After both stages each stream queries the other, and the answers take the streams' places."""

    block = TransformerBlock

    def __init__(self, *, audio: tuple[int, int], video: tuple[int, int], heads: int) -> None:
        super().__init__(audio=audio, video=video, heads=heads)
        self.audio_queries = self.block(audio[1], video[1], heads)
        self.video_queries = self.block(video[1], audio[1], heads)

    def fuse_late(self, audio: Tensor, video: Tensor) -> Streams:
        a, v = audio.transpose(1, 2), video.transpose(1, 2)
        new_audio, audio_to_video = self.audio_queries(a, v)
        new_video, video_to_audio = self.video_queries(v, a)
        return Streams(new_audio.transpose(1, 2), new_video.transpose(1, 2), audio_to_video, video_to_audio)


@register("it")
class IntermediateTransformer(Fusion):
    """Between the stages each stream queries the other, and the answers are added to the streams."""

    def __init__(self, *, audio: tuple[int, int], video: tuple[int, int], heads: int) -> None:
        super().__init__(audio=audio, video=video, heads=heads)
        self.audio_queries = TransformerBlock(audio[0], video[0], heads)
        self.video_queries = TransformerBlock(video[0], audio[0], heads)

    def fuse_intermediate(self, audio: Tensor, video: Tensor) -> Streams:
        a, v = audio.transpose(1, 2), video.transpose(1, 2)
        from_video, audio_to_video = self.audio_queries(a, v)
        from_audio, video_to_audio = self.video_queries(v, a)
        return Streams(
            audio + from_video.transpose(1, 2),
            video + from_audio.transpose(1, 2),
            audio_to_video,
            video_to_audio,
        )


@register("ia")
class IntermediateAttention(Fusion):
    """Between the stages each step of a stream is weighted by how much the other stream looked at it.

    As published the weight of a step is summed over the queries and not normalised: its mean is
    Ta / Tv on the video stream and Tv / Ta on the audio stream, so that a trained model fits the
    window length that it was trained with. The value and output projections exist, but nothing
    reads them.
    """

    def __init__(self, *, audio: tuple[int, int], video: tuple[int, int], heads: int) -> None:
        super().__init__(audio=audio, video=video, heads=heads)
        self.audio_queries = CrossAttention(audio[0], video[0], heads)
        self.video_queries = CrossAttention(video[0], audio[0], heads)

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

    @staticmethod
    def gate(weights: Tensor) -> Tensor:
        """(B, heads, Tq, Tk) → (B, 1, Tk): mean over heads, sum over queries."""
        return torch.sum(weights.mean(dim=1), dim=1, keepdim=True)


RESIDUAL = "emolive"
"""The arch that ships: what a stream has is kept beside what the other stream brings."""


@register("lt", arch=RESIDUAL)
class ResidualLateTransformer(LateTransformer):
    """`lt` with a residual round the attention."""

    block = ResidualBlock


@register("it", arch=RESIDUAL)
class ResidualIntermediateTransformer(IntermediateTransformer):
    """`it` as published: its answers are added to the streams already."""


@register("ia", arch=RESIDUAL)
class NormalisedIntermediateAttention(IntermediateAttention):
    """`ia` with gates whose mean is 1 at any window length."""

    @staticmethod
    def gate(weights: Tensor) -> Tensor:
        """(B, heads, Tq, Tk) → (B, 1, Tk): mean over heads and queries, times the steps."""
        return weights.mean(dim=(1, 2))[:, None] * weights.shape[-1]
