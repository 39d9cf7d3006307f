"""`it`, the intermediate transformer (Chumachenko et al., ICPR 2022, sec. III-C2)."""

from __future__ import annotations

from torch import Tensor

from emolive.models.fusion.base import Fusion, Streams, TransformerBlock


class IntermediateTransformer(Fusion):
    """Between the stages each stream queries the other, and the results are added to the streams."""

    def __init__(
        self, *, audio: tuple[int, int], video: tuple[int, int], num_heads: int, published: bool
    ) -> None:
        super().__init__(audio=audio, video=video, num_heads=num_heads, published=published)
        self.audio_queries = TransformerBlock(audio[0], video[0], num_heads)
        self.video_queries = TransformerBlock(video[0], audio[0], num_heads)

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
