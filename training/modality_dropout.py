"""Modality dropout: a network that has never missed a stream is lost when one is missing.

Chumachenko, Iosifidis and Gabbouj, ICPR 2022, sec. III-D (`softhard`, `noise`), and a form that costs no
larger batch (`drop`).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from emolive.errors import EmoliveError

MASKS = ("drop", "softhard", "noise", "nodropout")


class Masked(NamedTuple):
    """A batch after modality dropout; B' is a multiple of B."""

    video: Tensor
    """(B', frames, channels)"""
    audio: Tensor
    """(B', channels, steps)"""
    target: Tensor
    """(B', …)"""
    has_video: Tensor
    """(B',) float, 0 where the face was taken away or replaced."""
    has_audio: Tensor
    """(B',) float"""


def mask(
    video: Tensor, audio: Tensor, target: Tensor, kind: str, *, p_video: float = 0.0, p_audio: float = 0.0
) -> Masked:
    """Take modalities away from a batch.

    Args:
        video: (B, frames, channels).
        audio: (B, channels, steps).
        target: (B, …).
        kind: "softhard" makes four of a batch: as it is; audio times c and video times 1 - c with a random
            c for each sample; audio zeroed; video zeroed. "noise" makes three: as it is; audio standard
            normal noise; video so. "nodropout" leaves it. "drop" zeroes the video of a sample with
            `p_video`, else its audio with `p_audio`, never both.
        p_video: for "drop".
        p_audio: for "drop".

    Raises:
        EmoliveError: the kind is unknown.
    """
    n = len(target)
    ones, zeros = torch.ones(n, device=video.device), torch.zeros(n, device=video.device)
    if kind == "nodropout":
        return Masked(video, audio, target, ones, ones)
    if kind == "softhard":
        c = torch.rand(n, 1, 1, device=video.device)
        return Masked(
            torch.cat([video, video * (1 - c), video, torch.zeros_like(video)]),
            torch.cat([audio, audio * c, torch.zeros_like(audio), audio]),
            torch.cat([target] * 4),
            torch.cat([ones, ones, ones, zeros]),
            torch.cat([ones, ones, zeros, ones]),
        )
    if kind == "noise":
        return Masked(
            torch.cat([video, video, torch.randn_like(video)]),
            torch.cat([audio, torch.randn_like(audio), audio]),
            torch.cat([target] * 3),
            torch.cat([ones, ones, zeros]),
            torch.cat([ones, zeros, ones]),
        )
    if kind != "drop":
        raise EmoliveError(f"There is no modality dropout named {kind}: known are {', '.join(MASKS)}.")
    chance = torch.rand(n, device=video.device)
    has_video = (chance >= p_video).float()
    has_audio = 1 - ((chance >= p_video) & (chance < p_video + p_audio)).float()
    return Masked(
        video * has_video[:, None, None], audio * has_audio[:, None, None], target, has_video, has_audio
    )
