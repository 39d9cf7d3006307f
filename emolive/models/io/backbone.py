"""A pixel trunk that was trained to name expressions on single faces, and the file it is kept in.

A trunk file is a safetensors file with the tensors of a `FaceClassifier`; its metadata entry
"emolive-trunk" is JSON with `format`, `labels`, `pixels` (`PixelSpec`) and `provenance`. It holds no fusion
and reads no sound, so the live app refuses it; training starts from it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from emolive.atomic_io import atomic_write
from emolive.errors import EmoliveError
from emolive.models.efficientface import VECTOR, EfficientFace
from emolive.models.spec import PixelSpec

FORMAT = 1
ENTRY = "emolive-trunk"
CARRIED = "face_classifier"
"""Under this name a full checkpoint's provenance carries the classifier of its trunk."""
LUMA = {"BGR": (0.114, 0.587, 0.299), "RGB": (0.299, 0.587, 0.114)}
"""Shares of the channels in a gray picture (ITU-R BT.601), as OpenCV converts."""


class FaceClassifier(nn.Module):
    """The trunk and a linear classifier of single faces.

    Args:
        labels: one per class.
        pixels: how a face crop becomes the input.
        dropout: of the trunk's vector, in training.
    """

    def __init__(self, labels: tuple[str, ...], pixels: PixelSpec, dropout: float = 0.0) -> None:
        super().__init__()
        self.labels, self.pixels = labels, pixels
        self.backbone = EfficientFace()
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(VECTOR, len(labels))

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) prepared as `pixels` says → logits (N, classes)."""
        logits: Tensor = self.classifier(self.dropout(self.backbone(pixels)))
        return logits


@dataclass(frozen=True, slots=True)
class BackboneCheckpoint:
    """A loaded trunk."""

    net: FaceClassifier
    """In eval mode."""
    provenance: dict[str, Any]
    path: Path


def adapt_input_conv(net: FaceClassifier) -> None:
    """Make a net that was trained on gray faces see a colour picture as its gray one, in place.

    On gray input nothing changes: each first filter keeps its sum over the channels.
    """
    weight = net.backbone.stem[0].weight
    assert isinstance(weight, Tensor)
    with torch.no_grad():
        shares = torch.tensor(LUMA[net.pixels.order], dtype=weight.dtype, device=weight.device)
        weight.copy_(weight.sum(dim=1, keepdim=True) * shares.view(1, 3, 1, 1))


def save_backbone(path: Path, net: FaceClassifier, *, provenance: dict[str, Any]) -> None:
    """Write a trunk file whole or not at all.

    Raises:
        EmoliveError: the folder cannot be written to, or the provenance is not JSON.
    """
    from safetensors.torch import save as to_bytes

    told = {"format": FORMAT, "labels": net.labels, "pixels": asdict(net.pixels), "provenance": provenance}
    try:
        entry = json.dumps(told)
    except (TypeError, ValueError) as error:
        raise EmoliveError(f"The provenance of {path.name} cannot be written as JSON: {error}.") from error
    tensors = {key: value.detach().cpu().contiguous() for key, value in net.state_dict().items()}
    with atomic_write(Path(path)) as part:
        part.write_bytes(to_bytes(tensors, metadata={ENTRY: entry}))


def is_backbone_file(path: Path) -> bool:
    """Whether a file says that it is one; whether it is whole is for `load_backbone` to find out."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return ENTRY in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def load_backbone(path: Path) -> BackboneCheckpoint:
    """Load a trunk file strictly.

    Raises:
        EmoliveError: it is missing, damaged, of another format, or something else.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise EmoliveError(f"There is no trunk file {path}.")
    try:
        with safe_open(path, "pt") as file:
            entry = (file.metadata() or {}).get(ENTRY)
            tensors = {key: file.get_tensor(key) for key in file.keys()} if entry else {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise EmoliveError(f"{path} is not a trunk file, or is damaged: {error}.") from error
    if entry is None:
        raise EmoliveError(f"{path} is a safetensors file, but not one of a trunk.")
    try:
        told = json.loads(entry)
        if told["format"] != FORMAT:
            raise EmoliveError(
                f"{path} has trunk format {told['format']}, and this version of emolive reads {FORMAT}."
            )
        net = FaceClassifier(tuple(told["labels"]), _pixels(told["pixels"]))
        provenance = dict(told["provenance"])
    except (KeyError, TypeError, ValueError) as error:
        raise EmoliveError(f"{path} is damaged: its description cannot be read ({error}).") from error
    _fill(net, tensors, path)
    return BackboneCheckpoint(net.eval(), provenance, path)


def _pixels(values: Mapping[str, Any]) -> PixelSpec:
    return PixelSpec(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})


def _fill(net: FaceClassifier, tensors: Mapping[str, Tensor], path: Path) -> None:
    wanted = net.state_dict()
    if odd := sorted(set(wanted) ^ set(tensors)):
        raise EmoliveError(f"{path} does not fit its own description: see {odd[0]}.")
    for key, value in tensors.items():
        if value.shape != wanted[key].shape or value.dtype != wanted[key].dtype:
            raise EmoliveError(
                f"{path} does not fit its own description: {key} is {tuple(value.shape)} of {value.dtype}."
            )
        if value.dtype.is_floating_point and not bool(value.isfinite().all()):
            raise EmoliveError(f"{path} is damaged: {key} holds values that are not finite.")
    net.load_state_dict(dict(tensors))


def carried(net: FaceClassifier) -> dict[str, Any]:
    """The classifier as plain values, for the provenance of a full checkpoint (under `CARRIED`)."""

    def text(values: Tensor) -> str:
        return base64.b64encode(values.detach().cpu().numpy().astype("<f4").tobytes()).decode("ascii")

    weight, bias = text(net.classifier.weight), text(net.classifier.bias)
    return {"labels": list(net.labels), "weight": weight, "bias": bias}


def classifier_of(
    backbone: nn.Module | None, pixels: PixelSpec, provenance: Mapping[str, Any], path: Path
) -> FaceClassifier:
    """The face classifier that travels with a full checkpoint.

    Raises:
        EmoliveError: the model sees no pixels, or no classifier came with its trunk.
    """
    if backbone is None:
        raise EmoliveError(f"{path} reads facial geometry, not pixels: it cannot name a picture of a face.")
    told = provenance.get(CARRIED)
    if told is None:
        raise EmoliveError(f"{path} carries no classifier of faces: evaluate the trunk file it began with.")
    try:
        net = FaceClassifier(tuple(told["labels"]), pixels)
        classes = len(net.labels)
        for parameter, name in ((net.classifier.weight, "weight"), (net.classifier.bias, "bias")):
            values = np.frombuffer(base64.b64decode(told[name]), "<f4").astype(np.float32)
            shape = (classes, VECTOR) if name == "weight" else (classes,)
            parameter.data = torch.from_numpy(values.reshape(shape))
    except (KeyError, TypeError, ValueError) as error:
        raise EmoliveError(f"{path} is damaged: its classifier of faces cannot be read ({error}).") from error
    net.backbone.load_state_dict(backbone.state_dict())
    return net.eval()
