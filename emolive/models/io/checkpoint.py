"""Checkpoints: weights and the description that they were trained for, in one file that runs no code.

A checkpoint is a safetensors file; its metadata entry "emolive" is JSON with `format`, `spec`
(`ModelSpec.to_dict`) and `provenance` (what it was trained on, its figures, its licence ...).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolive import paths as settings
from emolive.atomic_io import atomic_write
from emolive.errors import CheckpointError, EmoliveError
from emolive.models import registry
from emolive.models.spec import ModelSpec

if TYPE_CHECKING:
    from torch import Tensor

    from emolive.models.network import EmotionNet

FORMAT = 2
ENTRY = "emolive"
ONNX_SUFFIX = ".onnx"
CHECKPOINT_SUFFIXES = (".safetensors", ONNX_SUFFIX)
"""Names of the files that can be loaded end in one of these."""
PICKLE_SUFFIXES = (".pth", ".pt", ".ckpt")
_MAX_HEADER = 100_000_000
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


@dataclass(frozen=True, slots=True)
class Description:
    """What a checkpoint says of itself."""

    path: Path
    spec: ModelSpec
    provenance: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]
    """Of every tensor in the file, by name."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded checkpoint."""

    net: EmotionNet
    """In eval mode."""
    spec: ModelSpec
    provenance: dict[str, Any]
    path: Path


def save(path: Path, net: EmotionNet, *, provenance: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all: a reader never meets half of one.

    Args:
        path: where to; an older file there is replaced.
        net: the network; its spec and buffers (baseline, temperature) go with it.
        provenance: anything that JSON can hold.

    Raises:
        EmoliveError: the folder cannot be written to, or the provenance is not JSON.
    """
    from safetensors.torch import save as to_bytes

    path = Path(path)
    try:
        entry = json.dumps({"format": FORMAT, "spec": net.spec.to_dict(), "provenance": provenance})
    except (TypeError, ValueError) as error:
        raise EmoliveError(f"The provenance of {path.name} cannot be written as JSON: {error}.") from error
    tensors = {key: value.detach().cpu().contiguous() for key, value in net.state_dict().items()}
    content = to_bytes(tensors, metadata={ENTRY: entry})
    with atomic_write(path) as part:
        part.write_bytes(content)


def _header(path: Path) -> dict[str, Any]:
    """The JSON header of a safetensors file, after checking that the file is one and is complete."""
    if path.is_dir():
        raise EmoliveError(f"{path} is a folder, not a checkpoint.")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(9)
            length = int.from_bytes(start[:8], "little")
            text = start[8:] + file.read(length - 1) if 0 < length <= _MAX_HEADER else b""
    except FileNotFoundError:
        raise EmoliveError(f"There is no checkpoint {path}.") from None
    except OSError as error:
        raise EmoliveError(f"The checkpoint {path} cannot be read: {error.strerror}.") from error
    if size == 0:
        raise EmoliveError(f"The checkpoint {path} is empty: fetch or train it again.")
    if start.startswith(_PICKLE_STARTS):
        raise pickle_error(path)
    cut = EmoliveError(f"The checkpoint {path} is cut short or damaged: fetch or train it again.")
    foreign = EmoliveError(f"{path} is not an emolive checkpoint.")
    if not text.startswith(b"{"):
        raise cut if size < 9 else foreign
    if len(text) < length:
        raise cut
    try:
        header = json.loads(text)
        tensors = [value for key, value in header.items() if key != "__metadata__"]
        end = max((int(tensor["data_offsets"][1]) for tensor in tensors), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise foreign from None
    if 8 + length + end != size:
        raise cut
    assert isinstance(header, dict)
    return header


def describe(path: Path) -> Description:
    """Read what a checkpoint says of itself, without its weights and without torch.

    Raises:
        EmoliveError: it is missing, damaged, something else, or of another format.
    """
    path = Path(path)
    header = _header(path)
    try:
        entry = json.loads(header["__metadata__"][ENTRY])
        version = entry["format"]
    except (KeyError, TypeError, ValueError):
        raise EmoliveError(
            f"{path} is a safetensors file, but not an emolive checkpoint: "
            f"it does not say what model it holds."
        ) from None
    if version != FORMAT:
        raise EmoliveError(
            f"{path} has checkpoint format {version}, and this version of emolive reads format {FORMAT}."
        )
    try:
        spec = ModelSpec.from_dict(entry["spec"])
        provenance = dict(entry["provenance"])
        shapes = {key: tuple(value["shape"]) for key, value in header.items() if key != "__metadata__"}
    except EmoliveError as error:
        raise EmoliveError(f"{path} cannot be used. {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EmoliveError(f"{path} is damaged: its description cannot be read ({error}).") from error
    return Description(path, spec, provenance, shapes)


def _check_shapes(told: Description, net: EmotionNet) -> None:
    wanted = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    misfit = f"{told.path} does not fit its own description"
    for key in sorted(set(wanted) | set(told.shapes)):
        if key not in told.shapes:
            raise EmoliveError(f"{misfit}: it lacks {key}.")
        if key not in wanted:
            raise EmoliveError(f"{misfit}: {key} is not part of that model.")
        if told.shapes[key] != wanted[key]:
            raise EmoliveError(f"{misfit}: {key} is {told.shapes[key]} and should be {wanted[key]}.")


def _check_values(path: Path, tensors: dict[str, Tensor], net: EmotionNet) -> None:
    wanted = net.state_dict()
    for key, value in tensors.items():
        if value.dtype.is_floating_point != wanted[key].dtype.is_floating_point:
            raise EmoliveError(f"{path} does not fit its own description: {key} holds {value.dtype}.")
        if value.dtype.is_floating_point and not bool(value.isfinite().all()):
            raise EmoliveError(f"{path} is damaged: {key} holds values that are not finite.")


def load(
    path: Path, *, fusion: str | None = None, tracker: str | None = None, device: str = "cpu"
) -> Checkpoint:
    """Load a checkpoint strictly: everything in it must fit, and nothing may be missing.

    Args:
        path: the file.
        fusion: refuse another one than this.
        tracker: the running tracker of landmarks; refuse a model that was trained on another's. A model
            without landmarks (tracker "none") goes with any.
        device: where the network goes, as torch calls it.

    Raises:
        EmoliveError: one sentence that says what does not fit.
    """
    told = describe(path)
    spec, path = told.spec, told.path
    if fusion is not None:
        registry.check_fusion(fusion)
        if spec.fusion != fusion:
            raise EmoliveError(f"{path} holds the fusion {spec.fusion}, and {fusion} was asked for.")
    if tracker is not None and spec.landmarker not in ("none", tracker):
        raise EmoliveError(
            f"{path} was trained on landmarks of the tracker {spec.landmarker}, and {tracker} is running."
        )
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        net = registry.build(spec)
    except EmoliveError as error:
        raise EmoliveError(f"{path} cannot be used. {error}") from error
    except (TypeError, ValueError, RuntimeError) as error:
        raise EmoliveError(f"{path} is damaged: no model can be built from its description.") from error
    _check_shapes(told, net)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise EmoliveError(f"The checkpoint {path} is damaged: {error}.") from error
    _check_values(path, tensors, net)
    net.load_state_dict(tensors)
    return Checkpoint(net.eval().to(device), spec, told.provenance, path)


def is_checkpoint_file(path: Path) -> bool:
    """Whether a file is a checkpoint by its name. The only place that decides it."""
    return path.suffix.lower() in CHECKPOINT_SUFFIXES


def is_pickle_file(path: Path) -> bool:
    """Whether a file is a PyTorch pickle by its name; emolive does not load these."""
    return path.suffix.lower() in PICKLE_SUFFIXES


def pickle_error(path: Path) -> CheckpointError:
    """The error for a PyTorch pickle, which names the command that converts it."""
    return CheckpointError(
        f"{path} is a PyTorch pickle, which emolive does not load: "
        f"convert a published model with `emolive import-checkpoint`."
    )


def is_onnx(path: Path) -> bool:
    """Whether a path names an exported checkpoint, which `emolive.models.io.onnx` reads."""
    return path.suffix.lower() == ONNX_SUFFIX


def shipped(fusion: str) -> Path:
    """The checkpoint of a fusion that comes with emolive. EmoliveError for an unknown or missing one."""
    registry.check_fusion(fusion)
    return settings.asset("models", f"{fusion}.safetensors")
