"""A plug-in that adds a fusion: one class in one file.

    python examples/plugin_fusion.py
    emolive train --plugin examples/plugin_fusion.py --fusion gated ...

It has no shipped weights, so the app offers it only after one of its checkpoints was opened.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from emolive.models.fusion.base import Fusion, Streams
from emolive.plugins import FUSIONS


@FUSIONS.register("gated", title="gated streams")
class GatedFusion(Fusion):
    """Between the stages each stream is scaled per channel by a gate that the other stream opens."""

    def __init__(
        self, *, audio: tuple[int, int], video: tuple[int, int], num_heads: int, published: bool
    ) -> None:
        super().__init__(audio=audio, video=video, num_heads=num_heads, published=published)
        self.audio_gate = nn.Linear(video[0], audio[0])
        self.video_gate = nn.Linear(audio[0], video[0])

    def fuse_intermediate(self, audio: Tensor, video: Tensor) -> Streams:
        """(B, Ca, Ta), (B, Cv, Tv) → streams of the same shapes."""
        audio_gate = torch.sigmoid(self.audio_gate(video.mean(dim=-1)))
        video_gate = torch.sigmoid(self.video_gate(audio.mean(dim=-1)))
        return Streams(audio * audio_gate[..., None], video * video_gate[..., None])


def main() -> None:
    """Build the shipped architecture with this fusion and explain one random window."""
    from emolive.models.factory import build
    from emolive.models.input_spec import AudioSpec
    from emolive.models.spec import ModelSpec

    audio = AudioSpec(kind="logmel", n_fft=1024, hop_length=441, n_mels=64)
    spec = ModelSpec(
        fusion="gated", encoders=("landmarks",), landmarker="dlib68", audio=audio, arch="emolive"
    )
    net = build(spec).eval()
    video = torch.randn(1, spec.n_bins, spec.video_channels)
    frames = torch.randn(1, spec.audio_channels, spec.audio.n_frames(spec.n_samples))
    with torch.inference_mode():
        explanation = net.explain(video, frames)
    for label, logit in zip(spec.labels, explanation.logits[0].tolist(), strict=True):
        print(f"{label:10} {logit:+.3f}")  # noqa: T201


if __name__ == "__main__":
    main()
