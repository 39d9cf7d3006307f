"""Predictions for clips, with inputs exactly as `emolive.predictor.Predictor` assembles them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec
from emolive.predictor import assemble_inputs
from emolive.types import Modality
from training.normalizer_sampler import NormalizerPair
from training.window_dataset import WindowDataset

CHUNK = 64

Noise = Literal["", "v", "a"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The network's inputs of n clips."""

    video: Tensor
    """(n, bins, channels)"""
    audio: Tensor
    """(n, channels, steps)"""
    modality: tuple[Modality | None, ...]
    """Which streams each clip has; None for neither."""
    baseline: tuple[str, ...]
    """The normalization mode that was really used."""


def assemble(
    dataset: WindowDataset,
    clips: Sequence[int],
    normalizers: Sequence[NormalizerPair],
    spec: ModelSpec,
    *,
    modality: Modality,
    noise: Noise = "",
) -> Inputs:
    """The centre windows of clips.

    Args:
        dataset: of all clips.
        clips: n indices.
        normalizers: of video and audio for each of them.
        spec: of the model.
        modality: leave the other stream out.
        noise: replace "v"ideo or "a"udio by standard normal noise.
    """
    rng = np.random.default_rng(0)
    videos, audios, modalities, modes = [], [], [], []
    for clip, (video_normalizer, audio_normalizer) in zip(clips, normalizers, strict=True):
        window = dataset.window(clip)
        has_video = modality.has_video and window.has_face
        has_audio = modality.has_audio and window.has_voice(spec.window_s)
        video, audio = assemble_inputs(
            window, video_normalizer if has_video else None, audio_normalizer if has_audio else None, spec
        )
        if noise == "v":
            video = rng.standard_normal(video.shape, np.float32)
        if noise == "a":
            audio = rng.standard_normal(audio.shape, np.float32)
        videos.append(video)
        audios.append(audio)
        modalities.append(Modality.of(video=has_video, audio=has_audio))
        used = [
            normalizer.mode
            for normalizer, there in ((video_normalizer, has_video), (audio_normalizer, has_audio))
            if there and normalizer.mode != "none"
        ]
        modes.append(used[0] if used else "none")
    return Inputs(
        torch.from_numpy(np.stack(videos)),
        torch.from_numpy(np.ascontiguousarray(np.stack(audios))),
        tuple(modalities),
        tuple(modes),
    )


def predict_logits(net: EmotionNet, inputs: Inputs) -> NDArray[np.float32]:
    """(n, classes) logits, not yet divided by the temperature; zeros for a clip with neither stream."""
    net.eval()
    like = net.classifier.weight
    with torch.inference_mode():
        parts = [
            net(inputs.video[i : i + CHUNK].to(like), inputs.audio[i : i + CHUNK].to(like)).float().cpu()
            for i in range(0, len(inputs.video), CHUNK)
        ]
    logits: NDArray[np.float32] = torch.cat(parts).numpy()
    logits[[modality is None for modality in inputs.modality]] = 0.0
    return logits
