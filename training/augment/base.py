"""The base classes of augmentations, and the batch that window augmentations change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emolive.models.spec import ModelSpec
from training.batch_normalizer import BatchNormalizer


class Stage(IntEnum):
    """When a window augmentation runs, in this order."""

    VIEW = 0
    """Before the speaker's normalizers are sampled: augmentations that also change a speaker's statistics."""
    FEATURES = 1
    """On features in their own units (landmarks in the mean shape's plane, decibels)."""
    NORMALIZED = 2
    """On features relative to the speaker's normalizer, where 1 is a standard deviation."""
    INPUTS = 3
    """On the network's inputs, masked and with the flags of the normalization mode, and on the targets."""


@dataclass(slots=True)
class WindowBatch:
    """B windows on their way to the network. Augmentations replace its tensors, never write into them."""

    spec: ModelSpec
    rng: np.random.Generator
    """For draws that must not move torch's own generator."""
    video: Tensor
    """(B, bins, video_dim) pooled frame features; in stage INPUTS (B, bins, video_channels)."""
    video_present: Tensor
    """(B, bins) bool: bins with a face."""
    audio: Tensor
    """(B, steps, audio.channels) audio features; in stage INPUTS (B, steps, audio_channels)."""
    audio_present: Tensor
    """(B, steps) bool: steps with audio."""
    target: Tensor
    """(B, 4, classes) for both streams together, the video alone and the audio alone, and the labels that are
    possible at all (not 0)."""
    mirror: tuple[Tensor, Tensor] | None = None
    """(order, sign): a mirrored face has `video[..., order] * sign`; None where that cannot be computed."""
    mirrored: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    """(B,) which faces are mirrored."""
    audio_masked: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.bool))
    """(B, steps) bool: steps that are hidden from the network."""
    audio_offset: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """(B,) what was added to all audio features of the speaker."""
    video_normalizer: BatchNormalizer | None = None
    """Of each sample's speaker; None for a model of raw features."""
    audio_normalizer: BatchNormalizer | None = None

    def __post_init__(self) -> None:
        if not len(self.mirrored):
            self.mirrored = np.zeros(len(self), np.bool_)
        if not len(self.audio_offset):
            self.audio_offset = np.zeros(len(self))
        if not len(self.audio_masked):
            self.audio_masked = torch.zeros_like(self.audio_present)

    def __len__(self) -> int:
        return len(self.target)


class WindowAugmentation(ABC):
    """Changes a batch of windows at random. A subclass is a frozen dataclass whose fields are its options.

    An augmentation that changes how a speaker looks or sounds changes the speaker's normalizer in the same
    way. Random numbers come from torch's global generator or from `batch.rng`; both are seeded for each step.
    """

    stage: ClassVar[Stage]

    @abstractmethod
    def __call__(self, batch: WindowBatch) -> WindowBatch:
        """The same batch, changed."""


class ImageAugmentation(ABC):
    """Changes face crops at random. A subclass is a frozen dataclass whose fields are its options.

    What is drawn for a window applies to all of its frames: lighting and camera
    do not change within a window. Draws come from torch's global generator, on the CPU for any device.
    """

    @property
    @abstractmethod
    def is_active(self) -> bool:
        """Whether it changes anything at these options."""

    @abstractmethod
    def draw(self, n: int) -> dict[str, Tensor]:
        """Parameters of the changes of `n` windows or single crops; each tensor has n rows."""

    @abstractmethod
    def apply(self, images: Tensor, params: dict[str, Tensor], size: int) -> Tensor:
        """Changed crops.

        Args:
            images: (n, channels, S, S) in 0..1; channels is 1 (gray) or 3.
            params: from `draw`, with one row for each crop.
            size: of the result, for augmentations that resample; others preserve the input size.
        """
