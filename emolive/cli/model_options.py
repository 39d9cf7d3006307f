"""The options that choose a model and the person's baseline, shared by `run` and `analyze`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from emolive.cli.config import Arg, Registered
from emolive.plugins import FUSIONS

Baseline = Literal["none", "neutral", "running"]
Backend = Literal["auto", "eager", "folded", "onnx"]


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    fusion: Annotated[str | None, Registered(FUSIONS), Arg(metavar="F")] = None
    """Fusion: lt (late transformer), it (intermediate transformer), ia (intermediate attention) or one of a
    plug-in. Default: ia, or the fusion of the checkpoint."""
    checkpoint: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Checkpoint to use in place of the shipped one (.safetensors or .onnx)."""
    baseline: Baseline | None = None
    """Reference that features are normalised to: none (training population), neutral (a saved calibration of
    the person) or running (all of the session so far). Default: running."""
    person: Annotated[str | None, Arg(metavar="NAME")] = None
    """Name under which the neutral baseline is saved. Default: guest."""
    device: Annotated[str, Arg(metavar="D")] = "auto"
    """Device of the model: auto, cpu, cuda or mps."""
    backend: Backend = "auto"
    """Runtime of the model; auto measures which is fastest."""
