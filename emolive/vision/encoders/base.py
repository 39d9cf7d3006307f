"""The protocol of frame encoders, and how the encoders of a model are built.

A frame encoder turns a face in one frame into a vector, either from its 68 landmarks or from a square
crop. To add one, write a class in one file and register it:

    from emolive.plugins import FRAME_ENCODERS
    from emolive.vision.encoders.base import CropInput, FrameEncoder

    @FRAME_ENCODERS.register("brightness", title="mean colour of the face")
    class Brightness(FrameEncoder): ...

Training, live sessions and checkpoints take it by its name in `ModelSpec.encoders`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self

from numpy.typing import NDArray

from emolive.errors import ConfigError
from emolive.types import FloatArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from emolive.models.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class LandmarkInput:
    """The encoder reads landmarks: a batch is (n, 68, 2) float32 in pixels of the full frame."""


@dataclass(frozen=True, slots=True)
class CropInput:
    """The encoder reads square crops: a batch is (n, size, size, 3) uint8."""

    size: int
    """Side in pixels."""
    order: Literal["BGR", "RGB"] = "BGR"
    """Order of the channels."""
    upright: bool = False
    """Rotate the face so that its eyes lie level; otherwise cut it as the camera saw it."""


EncoderInput = LandmarkInput | CropInput


class Backbone(Protocol):
    """The network of a learned encoder, ready to run; see `emolive.models.runtimes.base.Runtime`."""

    @property
    def device(self) -> torch.device:
        """Where it runs."""

    def encode(self, pixels: Tensor) -> Tensor:
        """(n, 3, S, S) float32, prepared as `ModelSpec.pixels` says → (n, dim) float32 on the CPU."""


class FrameEncoder(ABC):
    """Turns the faces of some frames into vectors, each from its own frame only."""

    name: ClassVar[str]
    """Its name in `emolive.plugins.FRAME_ENCODERS`."""
    dim: ClassVar[int]
    """Width of a vector."""
    learned: ClassVar[bool] = False
    """Its weights belong to the model: they are trained, saved and loaded with it, under `backbone.`."""
    landmarker: ClassVar[str] = "none"
    """The landmarker whose points it reads, as `emolive.vision.landmarks.LANDMARKER_ID`."""
    pooling: ClassVar[Literal["middle", "mean"]] = "mean"
    """How training pools the vectors of a bin by default; "middle" saves computation if they are costly."""

    @property
    @abstractmethod
    def input(self) -> EncoderInput:
        """What `__call__` takes."""

    @abstractmethod
    def __call__(self, batch: NDArray[Any]) -> FloatArray:
        """Encode faces: landmarks or crops, as `input` says → (n, dim) float32."""

    @classmethod
    def from_spec(cls, spec: ModelSpec, backbone: Backbone | None = None) -> Self:
        """Build the encoder of a model.

        Args:
            spec: the model's description.
            backbone: the model's network for a learned encoder; other encoders ignore it.

        Raises:
            ConfigError: the encoder is learned, and no backbone was passed.
        """
        return cls()

    @classmethod
    @abstractmethod
    def fingerprint_of(cls, spec: ModelSpec, weights: str | None = None) -> str:
        """What identifies its vectors: encoders with equal fingerprints give equal vectors.

        Args:
            spec: the model's description.
            weights: digest of the backbone's weights, for a learned encoder.

        Raises:
            ValueError: the encoder is learned, and `weights` is missing.
        """

    @classmethod
    def build_network(cls) -> nn.Module:
        """For a learned encoder: its network with fresh weights, (n, 3, S, S) → (n, dim)."""
        raise ConfigError(f"The frame encoder {cls.name} has no network to train.")

    @classmethod
    def mirror(cls, vectors: FloatArray) -> FloatArray | None:
        """The vectors (..., dim) of the left-right flipped images, if they follow from `vectors`."""
        return None


def build_encoders(spec: ModelSpec, backbone: Backbone | None = None) -> tuple[FrameEncoder, ...]:
    """The encoders of a model, in the order of their vectors.

    Args:
        spec: the model's description.
        backbone: the model's network, needed if it has a learned encoder.

    Raises:
        ConfigError: an encoder is unknown, or the backbone of a learned one is missing.
    """
    return tuple(encoder.from_spec(spec, backbone) for encoder in spec.encoder_classes)
