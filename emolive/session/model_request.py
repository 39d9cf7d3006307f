"""What is asked of the loader of models, and what it hands over."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emolive.models.io import checkpoint
from emolive.session.calibration import LoadedProfile

if TYPE_CHECKING:
    from emolive.predictor import Predictor

ONNX_ONLY = "{name} is an export and runs on ONNX Runtime only."

LoadModel = Callable[[str | None, Path | None, str, str], "Predictor"]
"""Loads the model of a fusion or a file for a device and a backend."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Which model to load: the shipped one of a fusion, or a checkpoint file."""

    fusion: str | None
    path: Path | None

    @property
    def is_onnx(self) -> bool:
        """An exported checkpoint, which only ONNX Runtime runs."""
        return self.path is not None and checkpoint.is_onnx(self.path)

    @property
    def title(self) -> str:
        return self.path.name if self.path is not None else str(self.fusion)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model, warmed up, with the saved profile of the person."""

    predictor: Predictor
    space: Hashable
    """Its feature space; models with equal spaces share the speaker's statistics."""
    video_space: Hashable
    """Its video feature space; models with equal ones share the feature buffer."""
    profile: LoadedProfile
