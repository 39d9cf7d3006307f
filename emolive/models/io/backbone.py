"""Backbone checkpoints: a pixel backbone with a classifier of single faces.

A backbone checkpoint is a safetensors file with the tensors of a `FaceClassifier`; its metadata entry
"emolive-backbone" is JSON with `format`, `labels`, `pixels` (`PixelSpec`) and `provenance`. It holds no
fusion and reads no audio, so the live app refuses it; training starts from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from emolive import bounded_json
from emolive.atomic_io import atomic_write
from emolive.errors import CheckpointError, EmoliveError, OutputError
from emolive.models import checks as check
from emolive.models.efficientface import EMBEDDING_DIM, EfficientFace
from emolive.models.input_spec import PixelSpec, read_pixels
from emolive.models.io.checkpoint import Checkpoint, FaceHead, open_safetensors

FORMAT = 2
ENTRY = "emolive-backbone"
_FORMAT_1_ENTRY = "emolive-trunk"
LUMA = {"BGR": (0.114, 0.587, 0.299), "RGB": (0.299, 0.587, 0.114)}
"""Weights of the channels in a grey image (ITU-R BT.601), as OpenCV converts."""


class FaceClassifier(nn.Module):
    """The backbone and a linear classifier of single faces.

    Args:
        labels: one per class.
        pixels: how a face crop becomes the input.
        dropout: of the backbone's vector, in training.
    """

    def __init__(self, labels: tuple[str, ...], pixels: PixelSpec, dropout: float = 0.0) -> None:
        super().__init__()
        self.labels, self.pixels = labels, pixels
        self.backbone = EfficientFace()
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(EMBEDDING_DIM, len(labels))

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) prepared according to `pixels` → logits (N, classes)."""
        logits: Tensor = self.classifier(self.dropout(self.backbone(pixels)))
        return logits

    @property
    def head(self) -> FaceHead:
        """The classifier without the backbone, for `emolive.models.io.checkpoint.save`."""
        return FaceHead(self.labels, self.classifier.weight.detach(), self.classifier.bias.detach())

    @classmethod
    def of_checkpoint(cls, loaded: Checkpoint) -> FaceClassifier:
        """The classifier of single faces in a full checkpoint, in eval mode.

        Raises:
            CheckpointError: the model has no pixel backbone, or its file holds no such classifier.
        """
        if loaded.net.backbone is None:
            encoders = ", ".join(loaded.spec.encoders)
            raise CheckpointError(
                f"{loaded.path} reads {encoders}, not pixels: it cannot classify a face image."
            )
        if loaded.face_head is None:
            raise CheckpointError(
                f"{loaded.path} holds no classifier of faces: evaluate the backbone checkpoint that its "
                f"training started from."
            )
        net = cls(loaded.face_head.labels, loaded.spec.pixels)
        net.backbone.load_state_dict(loaded.net.backbone.state_dict())
        net.classifier.load_state_dict({"weight": loaded.face_head.weight, "bias": loaded.face_head.bias})
        return net.eval()


@dataclass(frozen=True, slots=True)
class BackboneCheckpoint:
    """A loaded backbone checkpoint."""

    net: FaceClassifier
    """In eval mode."""
    provenance: dict[str, Any]
    path: Path


def weights_digest(backbone: nn.Module) -> str:
    """SHA-256 of the weights of a backbone, the same on every device and in every process."""
    digest = hashlib.sha256()
    for name, values in sorted(backbone.state_dict().items()):
        digest.update(name.encode())
        digest.update(values.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def adapt_input_conv(net: FaceClassifier) -> None:
    """Convert a net that was trained on grey faces to read a colour image as its grey one, in place.

    Nothing changes for grey input: each filter of the first layer keeps its sum over the channels.
    """
    weight = net.backbone.stem[0].weight
    assert isinstance(weight, Tensor)
    with torch.no_grad():
        shares = torch.tensor(LUMA[net.pixels.order], dtype=weight.dtype, device=weight.device)
        weight.copy_(weight.sum(dim=1, keepdim=True) * shares.view(1, 3, 1, 1))


def save_backbone(path: Path, net: FaceClassifier, *, provenance: dict[str, Any]) -> None:
    """Write a backbone checkpoint atomically.

    Raises:
        OutputError: the file cannot be written, or the provenance is not JSON.
    """
    from safetensors.torch import save as to_bytes

    entry = {"format": FORMAT, "labels": net.labels, "pixels": asdict(net.pixels), "provenance": provenance}
    try:
        text = json.dumps(entry)
    except (TypeError, ValueError) as error:
        raise OutputError(f"The provenance of {path.name} cannot be written as JSON: {error}.") from error
    tensors = {key: value.detach().cpu().contiguous() for key, value in net.state_dict().items()}
    with atomic_write(Path(path)) as part:
        part.write_bytes(to_bytes(tensors, metadata={ENTRY: text}))


def is_backbone_file(path: Path) -> bool:
    """Whether a file is marked as a backbone checkpoint; `load_backbone` checks whether it is complete."""
    try:
        with open_safetensors(Path(path), "np") as file:
            return not {ENTRY, _FORMAT_1_ENTRY}.isdisjoint(file.metadata() or {})
    except CheckpointError:
        return False


def load_backbone(path: Path) -> BackboneCheckpoint:
    """Load a backbone checkpoint strictly.

    Raises:
        CheckpointError: it is missing, damaged, of another format, or something else.
    """
    path = Path(path)
    with open_safetensors(path, "pt") as file:
        metadata = file.metadata() or {}
        text = metadata.get(ENTRY) or metadata.get(_FORMAT_1_ENTRY)
        if text is None:
            raise CheckpointError(f"{path} is a safetensors file, but not a backbone checkpoint.")
        tensors = {
            key.replace("trunk.", "backbone.", 1) if key.startswith("trunk.") else key: file.get_tensor(key)
            for key in file.keys()  # noqa: SIM118
        }
    try:
        entry = check.mapping("the metadata", bounded_json.parse(text))
        if isinstance(entry["format"], bool) or entry["format"] not in (1, FORMAT):
            raise CheckpointError(
                f"{path} has backbone format {check.shown(entry['format'])}, and this version of "
                f"emolive reads 1 and {FORMAT}."
            )
        labels = check.texts("labels", entry["labels"])
        check.unique("labels", labels)
        net = FaceClassifier(labels, read_pixels(entry["pixels"]))
        provenance = check.mapping("provenance", entry["provenance"])
    except CheckpointError:
        raise
    except (EmoliveError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: its description cannot be read ({error}).") from error
    _fill(net, tensors, path)
    return BackboneCheckpoint(net.eval(), provenance, path)


def _fill(net: FaceClassifier, tensors: Mapping[str, Tensor], path: Path) -> None:
    expected = net.state_dict()
    if odd := sorted(set(expected) ^ set(tensors)):
        raise CheckpointError(f"{path} does not fit its own description: see {odd[0]}.")
    for key, value in tensors.items():
        if value.shape != expected[key].shape or value.dtype != expected[key].dtype:
            raise CheckpointError(
                f"{path} does not fit its own description: {key} is {tuple(value.shape)} of {value.dtype}."
            )
        if value.dtype.is_floating_point and not bool(value.isfinite().all()):
            raise CheckpointError(f"{path} is damaged: {key} holds values that are not finite.")
    net.load_state_dict(dict(tensors))
