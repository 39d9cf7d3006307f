"""The interface of fusions, and the attention blocks that the published ones are made of.

To add a fusion, write a class in one file and register it:

    from emolive.models.fusion.base import Fusion, Streams
    from emolive.plugins import FUSIONS

    @FUSIONS.register("gated", title="gated sum")
    class Gated(Fusion): ...

Every architecture can then be built and trained with it.

Source: Chumachenko, Iosifidis and Gabbouj, "Self-attention fusion for audiovisual emotion recognition with
incomplete data", ICPR 2022, sec. III-C.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from emolive.errors import ConfigError


class Streams(NamedTuple):
    """The two streams after a fusion, with the attention weights if it has any."""

    audio: Tensor
    """(B, Ca, Ta)"""
    video: Tensor
    """(B, Cv, Tv)"""
    audio_to_video: Tensor | None = None
    """(B, heads, Ta, Tv): weight of each video step for each audio step; rows sum to 1."""
    video_to_audio: Tensor | None = None
    """(B, heads, Tv, Ta): weight of each audio step for each video step; rows sum to 1."""


class Fusion(nn.Module):
    """Fuses the streams between the two stages of the branches, after them, or both.

    Override `fuse_intermediate`, `fuse_late` or both; the others leave the streams as they are.

    Args:
        audio: channels of the audio stream after stage 1 and after stage 2.
        video: channels of the video stream after stage 1 and after stage 2.
        num_heads: attention heads.
        published: reproduce the published form exactly. Architectures other than the published one
            pass False, and a fusion may then correct what the paper's form does badly.

    Raises:
        ConfigError: the channels do not divide into the heads.
    """

    intermediate: ClassVar[bool] = False
    """Whether the class overrides `fuse_intermediate`. If not, the second stage runs only once."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls.intermediate = cls.fuse_intermediate is not Fusion.fuse_intermediate

    def __init__(
        self, *, audio: tuple[int, int], video: tuple[int, int], num_heads: int, published: bool
    ) -> None:
        super().__init__()

    def fuse_intermediate(self, audio: Tensor, video: Tensor) -> Streams:
        """Between the stages: (B, Ca, Ta), (B, Cv, Tv) → streams of the same shapes."""
        return Streams(audio, video)

    def fuse_late(self, audio: Tensor, video: Tensor) -> Streams:
        """After stage 2: (B, Ca, Ta), (B, Cv, Tv) → streams of the same channels."""
        return Streams(audio, video)


class CrossAttention(nn.Module):
    """One stream queries another (sec. III-C, eq. 1): the output has the queries' width and length.

    Args:
        query_width: channels of the querying stream.
        key_width: channels of the queried stream.
        num_heads: attention heads; they must divide `query_width`.
    """

    def __init__(self, query_width: int, key_width: int, num_heads: int) -> None:
        super().__init__()
        if num_heads < 1 or query_width % num_heads:
            raise ConfigError(
                f"{num_heads} attention heads do not divide a stream of {query_width} channels evenly: "
                f"choose another number of heads or another width."
            )
        self.num_heads = num_heads
        self.q = nn.Linear(query_width, query_width, bias=False)
        self.kv = nn.Linear(key_width, 2 * query_width, bias=False)
        self.out = nn.Linear(query_width, query_width)

    def _split(self, x: Tensor) -> Tensor:
        """(B, T, C) → (B, heads, T, C / heads)"""
        return torch.unflatten(x, -1, (self.num_heads, -1)).transpose(1, 2)

    def _attend(self, query: Tensor, key: Tensor) -> Tensor:
        q, k = self._split(self.q(query)), self._split(key)
        scores: Tensor = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        return scores.softmax(dim=-1)

    def weights(self, query: Tensor, key: Tensor) -> Tensor:
        """(B, Tq, Cq), (B, Tk, Ck) → (B, heads, Tq, Tk), without computing the values."""
        return self._attend(query, nn.functional.linear(key, self.kv.weight.chunk(2)[0]))

    def forward(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """(B, Tq, Cq), (B, Tk, Ck) → the attended values (B, Tq, Cq) and the weights (B, heads, Tq, Tk)."""
        keys, values = self.kv(key).chunk(2, dim=-1)
        weights = self._attend(query, keys)
        mixed = (weights @ self._split(values)).transpose(1, 2).flatten(2)
        return self.out(mixed), weights


class TransformerBlock(nn.Module):
    """Cross-attention, then an MLP with a skip connection.

    Args:
        query_width: channels of the querying stream.
        key_width: channels of the queried stream.
        num_heads: attention heads.
        residual: add the query to the attended values, as usual; the published block does not.
        mlp_ratio: hidden width of the MLP relative to `query_width`.
    """

    def __init__(
        self,
        query_width: int,
        key_width: int,
        num_heads: int,
        *,
        residual: bool = False,
        mlp_ratio: int = 2,
    ) -> None:
        super().__init__()
        self.residual = residual
        self.norm_query = nn.LayerNorm(query_width)
        self.norm_key = nn.LayerNorm(key_width)
        self.attention = CrossAttention(query_width, key_width, num_heads)
        self.norm_mlp = nn.LayerNorm(query_width)
        self.mlp = nn.Sequential(
            nn.Linear(query_width, mlp_ratio * query_width),
            nn.GELU(),
            nn.Linear(mlp_ratio * query_width, query_width),
        )

    def forward(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """(B, Tq, Cq), (B, Tk, Ck) → (B, Tq, Cq) and the weights (B, heads, Tq, Tk)."""
        x, weights = self.attention(self.norm_query(query), self.norm_key(key))
        if self.residual:
            x = query + x
        return x + self.mlp(self.norm_mlp(x)), weights
