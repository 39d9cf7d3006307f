"""Predictions for clips, with inputs exactly as `emolive.predictor.Predictor` assembles them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emolive.models.learned import mask_labels, mask_streams
from emolive.models.runtimes.base import RunnableNet
from emolive.models.spec import ModelSpec
from emolive.network_inputs import assemble_inputs
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
        available = spec.available(
            video=modality.has_video and window.has_face,
            audio=modality.has_audio and window.has_voice(spec.window_s),
        )
        has_video = available is not None and available.has_video
        has_audio = available is not None and available.has_audio
        video, audio = assemble_inputs(
            window, video_normalizer if has_video else None, audio_normalizer if has_audio else None, spec
        )
        if noise == "v":
            video = rng.standard_normal(video.shape, np.float32)
        if noise == "a":
            audio = rng.standard_normal(audio.shape, np.float32)
        videos.append(video)
        audios.append(audio)
        modalities.append(available)
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


def predict_logits(net: RunnableNet, inputs: Inputs) -> NDArray[np.float32]:
    """(n, classes) logits of what a network learned, not yet divided by the temperature.

    Those of a clip with neither stream are zero for all learned labels.
    """
    net.eval()
    like = net.temperature
    with torch.inference_mode():
        parts = []
        for i in range(0, len(inputs.video), CHUNK):
            video, audio = (part[i : i + CHUNK].to(like) for part in (inputs.video, inputs.audio))
            parts.append(net(*mask_streams(video, audio, net.spec)).float().cpu())
        logits = torch.cat(parts)
        logits[[modality is None for modality in inputs.modality]] = 0.0
        return np.asarray(mask_labels(logits, net.spec).numpy(), np.float32)
