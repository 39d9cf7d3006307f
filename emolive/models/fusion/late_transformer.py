"""`lt`, the late transformer (Chumachenko et al., ICPR 2022, sec. III-C1)."""

from __future__ import annotations

from torch import Tensor

from emolive.models.fusion.base import Fusion, Streams, TransformerBlock


class LateTransformer(Fusion):
    """After both stages each stream queries the other, and the results replace the streams.

    As published there is no residual connection around the attention: each stream then holds only what it
    attends to in the other one; otherwise the block has the usual residual connection.
    """

    def __init__(
        self, *, audio: tuple[int, int], video: tuple[int, int], num_heads: int, published: bool
    ) -> None:
        super().__init__(audio=audio, video=video, num_heads=num_heads, published=published)
        self.audio_queries = TransformerBlock(audio[1], video[1], num_heads, residual=not published)
        self.video_queries = TransformerBlock(video[1], audio[1], num_heads, residual=not published)

    def fuse_late(self, audio: Tensor, video: Tensor) -> Streams:
        a, v = audio.transpose(1, 2), video.transpose(1, 2)
        new_audio, audio_to_video = self.audio_queries(a, v)
        new_video, video_to_audio = self.video_queries(v, a)
        return Streams(new_audio.transpose(1, 2), new_video.transpose(1, 2), audio_to_video, video_to_audio)
