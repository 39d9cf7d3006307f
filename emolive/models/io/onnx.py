"""Exported checkpoints: a head and perhaps a trunk in ONNX, read as a checkpoint is read.

`X.onnx` holds the head: video (batch, frames, channels) and audio (batch, channels, steps) → logits. Its
metadata entry "emolive" is the JSON of a checkpoint, with the populations and the temperature beside it.
Where the model sees pixels, `X.trunk.onnx` beside it turns them into vectors; the head knows its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from emolive.errors import EmoliveError
from emolive.models import registry
from emolive.models.io import checkpoint
from emolive.models.io.checkpoint import ONNX_SUFFIX, Description, is_onnx
from emolive.models.network import calibrated
from emolive.models.spec import ModelSpec
from emolive.types import MODALITIES

FORMAT = 2
ENTRY = "emolive"
WANTED = "ONNX models want more packages: install emolive[onnx]."
BUFFERS = (
    *(f"{stream}_{part}" for stream in ("face", "voice") for part in ("mean", "std", "within")),
    "temperature",
)


def backbone_path(path: Path) -> Path:
    """Where the trunk of an exported checkpoint lies."""
    return path.with_suffix(f".trunk{ONNX_SUFFIX}")


def session(content: bytes, name: str, threads: int | None = None) -> Any:
    """An onnxruntime session on the CPU.

    Args:
        content: the ONNX file.
        name: of the file, for the error.
        threads: by default as many as torch uses.

    Raises:
        EmoliveError: onnxruntime is not installed, or does not take the model.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise EmoliveError(WANTED) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    # Threads that wait busily take the core that the camera and the window want.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise EmoliveError(f"{name} is not an ONNX model that can be run, or is damaged.") from error


class OnnxNet(nn.Module):
    """What `emolive.predictor.Predictor` needs of a network, from ONNX. Runs on the CPU.

    Args:
        spec: of the model.
        buffers: the populations and the temperature, by the names in `BUFFERS`.
        head: session of the head.
        trunk: session of the trunk, if the model sees pixels.
    """

    temperature: Tensor

    def __init__(
        self, spec: ModelSpec, buffers: dict[str, Tensor], *, head: Any, backbone: Any = None
    ) -> None:
        super().__init__()
        self.spec = spec
        self._head, self._trunk = head, backbone
        for name, values in buffers.items():
            self.register_buffer(name, values)

    def forward(self, video: Tensor, audio: Tensor) -> Tensor:
        """(B, frames, video_channels), (B, audio_channels, steps) → logits (B, classes)."""
        given = {"video": video.cpu().numpy(), "audio": audio.cpu().numpy()}
        return torch.from_numpy(self._head.run(["logits"], given)[0])

    def probs(self, video: Tensor, audio: Tensor) -> Tensor:
        """Calibrated probabilities (B, classes): softmax(logits / temperature)."""
        video, audio = video.cpu(), audio.cpu()
        return calibrated(self(video, audio), self.temperature.cpu(), video, audio)

    def encode(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) prepared as `spec.pixels` says → (N, 1024).

        Raises:
            EmoliveError: the model reads no pixels.
        """
        if self._trunk is None:
            raise EmoliveError("This model reads facial geometry, not pixels: it has no pixel encoder.")
        return torch.from_numpy(self._trunk.run(["vectors"], {"pixels": pixels.cpu().numpy()})[0])


@dataclass(frozen=True, slots=True)
class OnnxCheckpoint:
    """A loaded export; the same names as `emolive.models.io.checkpoint.Checkpoint`."""

    net: OnnxNet
    spec: ModelSpec
    provenance: dict[str, Any]
    path: Path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise EmoliveError(f"There is no checkpoint {path}.") from None
    except OSError as error:
        raise EmoliveError(f"The checkpoint {path} cannot be read: {error.strerror}.") from error


def _open(path: Path) -> tuple[Any, dict[str, Any], ModelSpec]:
    """Session, metadata entry and description of a head."""
    head = session(_read(path), str(path))
    try:
        entry = json.loads(head.get_modelmeta().custom_metadata_map[ENTRY])
        version = entry["format"]
    except (KeyError, TypeError, ValueError):
        raise EmoliveError(f"{path} is an ONNX model, but not one that `emolive export` wrote.") from None
    if version != FORMAT:
        raise EmoliveError(
            f"{path} has export format {version}, and this version of emolive reads format {FORMAT}."
        )
    try:
        spec = ModelSpec.from_dict(entry["spec"])
        registry.fusion_class(spec.fusion, spec.arch)
        if not isinstance(entry["provenance"], dict):
            raise TypeError("provenance")
    except EmoliveError as error:
        raise EmoliveError(f"{path} cannot be used. {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EmoliveError(f"{path} is damaged: its description cannot be read ({error}).") from error
    return head, entry, spec


def describe(path: Path) -> Description:
    """`emolive.models.io.checkpoint.describe`, for an export too (with the shapes of inputs and outputs).

    Raises:
        EmoliveError: it is missing, damaged, something else, or of another format.
    """
    path = Path(path)
    if not is_onnx(path):
        return checkpoint.describe(path)
    head, entry, spec = _open(path)
    ends = (*head.get_inputs(), *head.get_outputs())
    shapes = {end.name: tuple(side if isinstance(side, int) else -1 for side in end.shape) for end in ends}
    return Description(path, spec, entry["provenance"], shapes)


def load(path: Path, *, fusion: str | None = None, tracker: str | None = None) -> OnnxCheckpoint:
    """Load an export strictly, as `emolive.models.io.checkpoint.load` does a checkpoint.

    Args:
        path: the head's file.
        fusion: refuse another one than this.
        tracker: the running tracker of landmarks; refuse a model that was trained on another's.

    Raises:
        EmoliveError: one sentence that says what does not fit.
    """
    path = Path(path)
    head, entry, spec = _open(path)
    if fusion is not None:
        registry.check_fusion(fusion)
        if spec.fusion != fusion:
            raise EmoliveError(f"{path} holds the fusion {spec.fusion}, and {fusion} was asked for.")
    if tracker is not None and spec.landmarker not in ("none", tracker):
        raise EmoliveError(
            f"{path} was trained on landmarks of the tracker {spec.landmarker}, and {tracker} is running."
        )
    _check_ends(path, head, spec)
    widths = {"face": spec.video_dim, "voice": spec.audio.channels, "temperature": len(MODALITIES)}
    try:
        buffers = {name: torch.tensor(entry["buffers"][name], dtype=torch.float32) for name in BUFFERS}
        told = entry["backbone"]
    except (KeyError, TypeError, ValueError) as error:
        raise EmoliveError(f"{path} is damaged: its populations cannot be read ({error}).") from error
    for name, values in buffers.items():
        if values.shape != (widths[name.partition("_")[0]],) or not bool(values.isfinite().all()):
            raise EmoliveError(f"{path} does not fit its own description: see {name}.")
    if float(buffers["temperature"].min()) <= 0:
        raise EmoliveError(f"{path} is damaged: its temperature is {buffers['temperature'].tolist()}.")
    backbone = _trunk(path, spec, told)
    net = OnnxNet(spec, buffers, head=head, backbone=backbone)
    return OnnxCheckpoint(net.eval(), spec, entry["provenance"], path)


def _check_ends(path: Path, head: Any, spec: ModelSpec) -> None:
    """Inputs and outputs must be those of the description; only the batch is free."""
    steps = spec.audio.n_frames(spec.n_samples)
    wanted = {
        "video": [spec.n_bins, spec.video_channels],
        "audio": [spec.audio_channels, steps],
        "logits": [len(spec.labels)],
    }
    found = {end.name: list(end.shape[1:]) for end in (*head.get_inputs(), *head.get_outputs())}
    if found != wanted:
        raise EmoliveError(f"{path} does not fit its own description: it takes and gives {found}.")


def _trunk(path: Path, spec: ModelSpec, told: Any) -> Any:
    """The session of the trunk that was exported with a head; None if it sees no pixels."""
    if "efficientface" not in spec.encoders:
        return None
    beside = backbone_path(path)
    if not beside.is_file():
        raise EmoliveError(f"{path} sees pixels, and its trunk {beside.name} is not beside it.")
    content = _read(beside)
    if told != hashlib.sha256(content).hexdigest():
        raise EmoliveError(
            f"{beside.name} is not the trunk that {path} was exported with: export both again."
        )
    return session(content, str(beside))
