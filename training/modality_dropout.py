"""Modality dropout: a network that always sees both streams in training is useless when one is missing.

Chumachenko, Iosifidis and Gabbouj, ICPR 2022, sec. III-D (`softhard`, `noise`), and a variant that does not
enlarge the batch (`drop`).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

Mask = Literal["drop", "softhard", "noise", "nodropout"]


class MaskedBatch(NamedTuple):
    """A batch after modality dropout; B' is a multiple of B."""

    video: Tensor
    """(B', bins, channels)"""
    audio: Tensor
    """(B', channels, steps)"""
    target: Tensor
    """(B', ...)"""
    has_video: Tensor
    """(B',) float, 0 where the video was removed or replaced by noise."""
    has_audio: Tensor
    """(B',) float"""


def apply_mask(
    video: Tensor, audio: Tensor, target: Tensor, mask: Mask, *, p_video: float = 0.0, p_audio: float = 0.0
) -> MaskedBatch:
    """Remove modalities from a batch.

    Args:
        video: (B, bins, channels).
        audio: (B, channels, steps).
        target: (B, ...).
        mask: "softhard" makes four batches of one: unchanged; audio times c and video times 1 - c with a
            random c for each sample; audio zero; video zero. "noise" makes three: unchanged; standard normal
            noise for audio; noise for video. "nodropout" changes nothing. "drop" zeroes the video of a sample
            with probability `p_video`, else its audio with `p_audio`, never both.
        p_video: for "drop".
        p_audio: for "drop".
    """
    n = len(target)
    ones, zeros = torch.ones(n, device=video.device), torch.zeros(n, device=video.device)
    if mask == "nodropout":
        return MaskedBatch(video, audio, target, ones, ones)
    if mask == "softhard":
        c = torch.rand(n, 1, 1, device=video.device)
        return MaskedBatch(
            torch.cat([video, video * (1 - c), video, torch.zeros_like(video)]),
            torch.cat([audio, audio * c, torch.zeros_like(audio), audio]),
            torch.cat([target] * 4),
            torch.cat([ones, ones, ones, zeros]),
            torch.cat([ones, ones, zeros, ones]),
        )
    if mask == "noise":
        return MaskedBatch(
            torch.cat([video, video, torch.randn_like(video)]),
            torch.cat([audio, torch.randn_like(audio), audio]),
            torch.cat([target] * 3),
            torch.cat([ones, ones, zeros]),
            torch.cat([ones, zeros, ones]),
        )
    draw = torch.rand(n, device=video.device)
    has_video = (draw >= p_video).float()
    has_audio = 1 - ((draw >= p_video) & (draw < p_video + p_audio)).float()
    return MaskedBatch(
        video * has_video[:, None, None], audio * has_audio[:, None, None], target, has_video, has_audio
    )
