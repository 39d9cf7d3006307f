"""What differs between two takes of the same expression, made on windows of a whole batch at once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import log

import torch
from torch import Tensor

from emolive.vision.encoders import landmarks

_NEPER = log(10) / 10
"""A decibel of power, as a natural logarithm."""


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """How much of each; 0 is none of it."""

    flip: float
    """Share of faces that are mirrored."""
    landmark_affine: float
    """Deviation of each entry of a plane linear map from the identity: another pose, another build."""
    landmark_noise: float
    """Of each bin, in units of the baseline's scale: the tracker's trembling."""
    landmark_offset: float
    """Of each clip, in the same units: another tracker, another pose."""
    few_frames: float
    """Share of clips from a camera so slow that a bin has but a frame or two: dim light does that."""
    late: float
    """Share of windows of which only the end is there, as when a session has just begun."""
    missing_bins: int
    """At most so many bins beside each other have no face."""
    gain_db: float
    """Deviation of a clip's loudness."""
    eq_db: float
    """Deviation of each band: another microphone, another room."""
    noise: float
    """Share of clips with a steady noise behind them, as every microphone outside a studio has."""
    masked_bands: int
    """At most so many bands are masked (SpecAugment, Park et al. 2019)."""
    masked_steps: int
    """At most so many steps are masked."""
    mixup: float
    """Of Beta(a, a) (Zhang et al. 2018)."""


NONE = AugmentConfig(*(0,) * len(fields(AugmentConfig)))


def random_affine(batch: int, strengths: AugmentConfig) -> Tensor:
    """(B, 2, 2) linear maps of the plane near the identity."""
    return torch.eye(2) + strengths.landmark_affine * torch.randn(batch, 2, 2)


def apply_affine(face: Tensor, maps: Tensor) -> Tensor:
    """(B, T, D) features whose first values are landmarks, seen through (B, 2, 2) maps.

    The deviations within a bin, which stand behind the means, stay: a map near the identity changes them
    by less than they differ from bin to bin.
    """
    points = torch.unflatten(face[..., : landmarks.LandmarkEncoder.dim], -1, (landmarks.POINTS, 2))
    moved = torch.einsum("btpc,bdc->btpd", points, maps).flatten(-2)
    return torch.cat([moved, face[..., landmarks.LandmarkEncoder.dim :]], dim=-1)


def std_scale(batch: int, strengths: AugmentConfig) -> Tensor:
    """(B, 1, 1) by which factor the deviations within a bin shrink.

    A bin with a single frame has none, and two frames rarely lie as far apart as four; half of the clips
    with few frames have the one, half something between.
    """
    few = torch.rand(batch, 1, 1) < strengths.few_frames
    return torch.where(few, (2 * torch.rand(batch, 1, 1) - 1).clamp_min(0), torch.ones(batch, 1, 1))


def apply_std_scale(face: Tensor, factor: Tensor) -> Tensor:
    """(B, T, D) features whose last values are deviations within a bin, those multiplied by (B, 1, 1)."""
    n = landmarks.LandmarkEncoder.dim
    return torch.cat([face[..., :n], face[..., n:] * factor], dim=-1)


def face_noise(face: Tensor, strengths: AugmentConfig) -> Tensor:
    """(B, T, D) relative features, trembling in each bin and shifted for each clip."""
    if strengths.landmark_noise:
        face = face + strengths.landmark_noise * torch.randn_like(face)
    if strengths.landmark_offset:
        face = face + strengths.landmark_offset * torch.randn_like(face[:, :1])
    return face


def random_gain_eq(voice: Tensor, strengths: AugmentConfig) -> Tensor:
    """(B, T, C) features in dB, of another loudness and another colour for each clip."""
    if strengths.gain_db:
        voice = voice + strengths.gain_db * torch.randn_like(voice[:, :1, :1])
    if strengths.eq_db:
        voice = voice + strengths.eq_db * torch.randn_like(voice[:, :1])
    return voice


def add_noise(voice: Tensor, strengths: AugmentConfig) -> Tensor:
    """(B, T, C) log-mel in dB, the power of a steady noise added to a share of the clips.

    Its level is between -95 and -65 dB a band; it falls by up to 20 dB from the lowest to the highest.
    """
    if not strengths.noise:
        return voice
    batch, _, bands = voice.shape
    level = -95 + 30 * torch.rand(batch, 1, 1) - 20 * torch.rand(batch, 1, 1) * torch.linspace(0, 1, bands)
    noisy = torch.rand(batch, 1, 1) < strengths.noise
    both = torch.logaddexp(voice * _NEPER, level * _NEPER) / _NEPER
    return torch.where(noisy, both, voice)


LATEST = 2 / 3
"""At most this share of a window is missing because it lies before the beginning."""


def random_onsets(batch: int, strengths: AugmentConfig) -> Tensor:
    """(batch,) where the evidence of each window begins, as a share of the window; mostly 0."""
    late = torch.rand(batch) < strengths.late
    return torch.where(late, LATEST * torch.rand(batch), torch.zeros(batch))


def onset_mask(beginning: Tensor, length: int) -> Tensor:
    """(B,) → (B, length) bool: the places that lie behind each beginning."""
    return torch.arange(length) >= (beginning * length)[:, None]


def random_spans(batch: int, length: int, longest: int) -> Tensor:
    """(batch, length) bool: one stretch of 0 to `longest` places in each row, anywhere."""
    size = (torch.rand(batch, 1) * (min(longest, length) + 1)).floor()
    first = (torch.rand(batch, 1) * (length - size + 1)).floor()
    places = torch.arange(length)
    return (places >= first) & (places < first + size)


def mix(video: Tensor, audio: Tensor, target: Tensor, alpha: float) -> tuple[Tensor, Tensor, Tensor]:
    """Mixup with one share for the batch: face and voice of a sample are mixed with those of one other."""
    if not alpha or len(target) < 2:
        return video, audio, target
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    other = torch.randperm(len(target))
    return (
        share * video + (1 - share) * video[other],
        share * audio + (1 - share) * audio[other],
        share * target + (1 - share) * target[other],
    )
