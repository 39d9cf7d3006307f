"""What a network says of clips, read exactly as `emolive.predictor.Predictor` reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emolive.models.network import EmotionNet
from emolive.models.spec import ModelSpec
from emolive.normalization import Normalizer
from emolive.predictor import assemble_inputs
from emolive.types import Modality
from training.window_dataset import WindowDataset

CHUNK = 64


@dataclass(frozen=True, slots=True)
class Inputs:
    """Clips as the network takes them."""

    video: Tensor
    """(n, frames, channels)"""
    audio: Tensor
    """(n, channels, steps)"""
    modality: tuple[Modality | None, ...]
    """What could be read of each clip; None where nothing could."""
    baseline: tuple[str, ...]
    """The mode that was really used."""


def inputs(
    windows: WindowDataset,
    clips: Sequence[int],
    baselines: Sequence[tuple[Normalizer, Normalizer]],
    spec: ModelSpec,
    *,
    modality: Modality = "av",
    noise: str = "",
) -> Inputs:
    """The centre windows of clips.

    Args:
        windows: of all clips.
        clips: indices of those to read.
        baselines: of face and voice for each of them.
        spec: of the model.
        modality: leave the other stream out.
        noise: "v" or "a": that stream is replaced by standard normal noise.
    """
    noisy = np.random.default_rng(0)
    video, audio, readable, used = [], [], [], []
    for clip, (face, voice) in zip(clips, baselines, strict=True):
        window = windows.window(clip)
        sees = "v" in modality and window.has_face
        hears = "a" in modality and window.has_voice(spec.window_s)
        seen, heard = assemble_inputs(window, face if sees else None, voice if hears else None, spec)
        if noise == "v":
            seen = noisy.standard_normal(seen.shape, np.float32)
        if noise == "a":
            heard = noisy.standard_normal(heard.shape, np.float32)
        video.append(seen)
        audio.append(heard)
        which: Modality | None = "av" if sees and hears else "v" if sees else "a" if hears else None
        readable.append(which)
        modes = [b.mode for b, there in ((face, sees), (voice, hears)) if there and b.mode != "none"]
        used.append(modes[0] if modes else "none")
    return Inputs(
        torch.from_numpy(np.stack(video)),
        torch.from_numpy(np.ascontiguousarray(np.stack(audio))),
        tuple(readable),
        tuple(used),
    )


def logits(net: EmotionNet, given: Inputs) -> NDArray[np.float32]:
    """(n, classes), not yet divided by the temperature; zeros where nothing can be read."""
    net.eval()
    like = net.classifier.weight
    with torch.inference_mode():
        parts = [
            net(given.video[i : i + CHUNK].to(like), given.audio[i : i + CHUNK].to(like)).float().cpu()
            for i in range(0, len(given.video), CHUNK)
        ]
    found: NDArray[np.float32] = torch.cat(parts).numpy()
    found[[m is None for m in given.modality]] = 0.0
    return found
