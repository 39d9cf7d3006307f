"""Runtimes that execute a network: plain torch, torch with fused layers, ONNX Runtime.

Importing this module does not import torch, so that option parsers can name the backends.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from emolive.errors import ConfigError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from emolive.models.spec import ModelSpec

BackendName = Literal["auto", "eager", "folded", "onnx"]
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)
"""Names for options: "auto" measures the others and selects the fastest."""
AUTO, EAGER, FOLDED, ONNX = BACKENDS
TITLES: dict[str, str] = {EAGER: "torch", FOLDED: "torch with fused layers", ONNX: "ONNX Runtime"}


class RunnableNet(Protocol):
    """The network of a runtime: an `EmotionNet` or an `OnnxNet`."""

    spec: ModelSpec
    temperature: Tensor

    def __call__(self, video: Tensor, audio: Tensor) -> Tensor:
        """(B, n_bins, video_channels), (B, audio_channels, frames) → logits (B, classes)."""

    def encode(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) prepared according to `spec.pixels` → (N, dim of the learned encoder)."""

    def eval(self) -> Any:
        """Switch to the mode for inference, as `torch.nn.Module.eval`."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """A network that is ready to run."""

    name: str
    """One of `BACKENDS` without "auto"."""
    net: RunnableNet
    device: torch.device
    half: bool = False
    """Compute in half precision."""
    fallback_reason: str = ""
    """Why it is not the runtime that was asked for, in one sentence."""
    latency_ms: dict[str, float] = field(default_factory=dict)
    """Median time per estimate of each runtime that was measured, if any was."""

    @property
    def title(self) -> str:
        """The name shown to users."""
        return TITLES[self.name]

    def logits(self, video: Tensor, audio: Tensor) -> Tensor:
        """The logits (B, classes) of what the network learned, float32 on the CPU; inputs as for the net."""
        import torch

        from emolive.models.learned import mask_labels, mask_streams

        spec = self.net.spec
        with torch.inference_mode(), self._precision():
            video, audio = mask_streams(video.to(self.device), audio.to(self.device), spec)
            return mask_labels(self.net(video, audio).float(), spec).cpu()

    def encode(self, pixels: Tensor) -> Tensor:
        """Vectors (N, dim) of prepared crops (N, 3, S, S), float32 on the CPU."""
        import torch

        with torch.inference_mode(), self._precision():
            return self.net.encode(pixels.to(self.device)).float().cpu()

    def _precision(self) -> torch.autocast | nullcontext[None]:
        import torch

        return torch.autocast(self.device.type) if self.half else nullcontext()


def check_backend(name: str) -> None:
    """ConfigError unless there is a backend of this name, or it is "auto"."""
    if name not in BACKENDS:
        raise ConfigError(f"There is no backend {name}: choose {', '.join(BACKENDS)}.")
