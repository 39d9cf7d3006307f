"""Checkpoints: weights and their description in one file that runs no code.

A checkpoint is a safetensors file. Its metadata entry "emolive" is JSON with `format`, `spec`
(`ModelSpec.to_dict`), `provenance` (training data, results, licence ...) and, if the file holds a classifier
of single faces for its backbone, `face_labels`. Tensors are named as in the network: `video_*`, `audio_*`,
`fusion.*`, `backbone.*` ...; `face_classifier.*` belongs to `face_labels`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolive import bounded_json
from emolive.atomic_io import atomic_write
from emolive.errors import CheckpointError, ConfigError, EmoliveError, OutputError
from emolive.models import checks as check
from emolive.models import factory
from emolive.models.io import format2
from emolive.models.spec import ModelSpec
from emolive.plugins import FUSIONS

if TYPE_CHECKING:
    from torch import Tensor

    from emolive.models.network import EmotionNet

FORMAT = 3
READABLE = (2, 3)
ENTRY = "emolive"
ONNX_SUFFIX = ".onnx"
CHECKPOINT_SUFFIXES = (".safetensors", ONNX_SUFFIX)
"""Names of the files that can be loaded end in one of these."""
PICKLE_SUFFIXES = (".pth", ".pt", ".ckpt")
shipped = factory.shipped_checkpoint
FACE_CLASSIFIER = "face_classifier."
_FORMAT_2_FACE_CLASSIFIER = "face_classifier"
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


@dataclass(frozen=True, slots=True)
class Description:
    """The description in a checkpoint."""

    path: Path
    spec: ModelSpec
    provenance: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]
    """Shape of every tensor, by its present name."""
    face_labels: tuple[str, ...] = ()
    """Labels of the classifier of single faces; empty if there is none."""


@dataclass(frozen=True, slots=True)
class FaceHead:
    """A linear classifier of single faces on the backbone's vectors."""

    labels: tuple[str, ...]
    weight: Tensor
    """(classes, dim)"""
    bias: Tensor
    """(classes,)"""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded checkpoint."""

    net: EmotionNet
    """In eval mode."""
    spec: ModelSpec
    provenance: dict[str, Any]
    path: Path
    face_head: FaceHead | None = None


def save(
    path: Path, net: EmotionNet, *, provenance: dict[str, Any], face_head: FaceHead | None = None
) -> None:
    """Write a checkpoint atomically.

    Args:
        path: an older file there is replaced.
        net: the network; its spec and buffers are saved with it.
        provenance: anything that JSON can hold.
        face_head: a classifier of single faces that belongs to the backbone.

    Raises:
        OutputError: the file cannot be written, or the provenance is not JSON.
    """
    from safetensors.torch import save as to_bytes

    path = Path(path)
    entry: dict[str, Any] = {"format": FORMAT, "spec": net.spec.to_dict(), "provenance": provenance}
    tensors = dict(net.state_dict())
    if face_head is not None:
        entry["face_labels"] = list(face_head.labels)
        tensors[f"{FACE_CLASSIFIER}weight"] = face_head.weight
        tensors[f"{FACE_CLASSIFIER}bias"] = face_head.bias
    try:
        text = json.dumps(entry)
    except (TypeError, ValueError) as error:
        raise OutputError(f"The provenance of {path.name} cannot be written as JSON: {error}.") from error
    content = to_bytes(
        {key: value.detach().cpu().contiguous() for key, value in tensors.items()}, metadata={ENTRY: text}
    )
    with atomic_write(path) as part:
        part.write_bytes(content)


@contextmanager
def open_safetensors(path: Path, framework: str) -> Iterator[Any]:
    """A safetensors file, open for reading.

    Args:
        path: the file.
        framework: "np" to read metadata and shapes without torch, "pt" for tensors.

    Raises:
        CheckpointError: it is missing, a pickle, something else, cut short or damaged.
    """
    from safetensors import SafetensorError, safe_open

    if path.is_dir():
        raise CheckpointError(f"{path} is a folder, not a checkpoint.")
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except FileNotFoundError:
        raise CheckpointError(f"There is no checkpoint {path}.") from None
    except OSError as error:
        raise CheckpointError(f"The checkpoint {path} cannot be read: {error.strerror}.") from error
    if not start:
        raise CheckpointError(f"The checkpoint {path} is empty: download or train it again.")
    if start.startswith(_PICKLE_STARTS):
        raise pickle_error(path)
    if len(start) == 9 and start[8:] != b"{":
        raise CheckpointError(f"{path} is not an emolive checkpoint.")
    try:
        with safe_open(path, framework) as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"The checkpoint {path} is cut short or damaged: download or train it again."
        ) from error


def describe(path: Path) -> Description:
    """Read the description in a checkpoint, without its weights and without torch.

    Raises:
        CheckpointError: it is missing, damaged, something else, or of another format.
    """
    path = Path(path)
    with open_safetensors(path, "np") as file:
        return _described(path, file)[0]


def _described(path: Path, file: Any) -> tuple[Description, Callable[[str], str], Mapping[str, Any] | None]:
    """Read the metadata of a checkpoint.

    Returns:
        The description, a function that maps tensor names to present ones, and format 2's face classifier.
    """
    try:
        entry = check.mapping("the metadata", bounded_json.parse((file.metadata() or {})[ENTRY]))
        version = entry["format"]
    except (ConfigError, KeyError, ValueError):
        raise CheckpointError(
            f"{path} is a safetensors file, but not an emolive checkpoint: it does not describe a model."
        ) from None
    if isinstance(version, bool) or version not in READABLE:
        raise CheckpointError(
            f"{path} has checkpoint format {check.shown(version)}, and this version of emolive reads "
            f"{' and '.join(map(str, READABLE))}."
        )
    old = version != FORMAT
    try:
        values = entry.get("spec")
        spec = ModelSpec.from_dict(format2.spec_values(values) if old else values)  # type: ignore[arg-type]
        provenance = check.mapping("provenance", entry.get("provenance"))
        old_face_head = provenance.pop(_FORMAT_2_FACE_CLASSIFIER, None) if old else None
        if old_face_head is not None:
            old_face_head = check.mapping("the classifier of faces", old_face_head)
            labels = old_face_head.get("labels")
        else:
            labels = entry.get("face_labels", ())
        face_labels = check.texts("face_labels", labels)
        check.unique("face_labels", face_labels)
    except EmoliveError as error:
        raise CheckpointError(f"{path} cannot be used. {error}") from error
    name_of = format2.tensor_name if old else str
    shapes = {name_of(key): tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    return Description(path, spec, provenance, shapes, face_labels), name_of, old_face_head


def check_request(path: Path, spec: ModelSpec, fusion: str | None, landmarker: str | None) -> None:
    """Check that a model has the requested fusion and landmarker.

    Raises:
        ConfigError: there is no fusion of this name.
        CheckpointError: the file holds another fusion, or its landmarks are another landmarker's.
    """
    if fusion is not None:
        FUSIONS.check(fusion)
        if spec.fusion != fusion:
            raise CheckpointError(f"{path} holds the fusion {spec.fusion}, and {fusion} was asked for.")
    if landmarker is not None and spec.landmarker not in ("none", landmarker):
        raise CheckpointError(
            f"{path} was trained on landmarks of {spec.landmarker}, and emolive measures them with "
            f"{landmarker}."
        )


def load(
    path: Path, *, fusion: str | None = None, landmarker: str | None = None, device: str = "cpu"
) -> Checkpoint:
    """Load a checkpoint strictly: every tensor must fit, and none may be missing.

    Args:
        path: the file.
        fusion: refuse any other fusion.
        landmarker: the landmarker in use; a model that was trained on another's landmarks is refused.
        device: where the network goes, in torch's notation.

    Raises:
        CheckpointError: the file is missing, damaged or does not fit.
        ConfigError: there is no fusion of the name that was asked for.
    """
    path = Path(path)
    with open_safetensors(path, "pt") as file:
        description, name_of, old_face_head = _described(path, file)
        spec = description.spec
        check_request(path, spec, fusion, landmarker)
        try:
            net = factory.build(spec)
        except EmoliveError as error:
            raise CheckpointError(f"{path} cannot be used. {error}") from error
        except (TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"{path} is damaged: no model can be built from its description."
            ) from error
        _check_shapes(description, net)
        tensors = {name_of(key): file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    _check_values(path, tensors, net)
    face_head = _face_head(path, tensors, description, old_face_head)
    net.load_state_dict(tensors)
    return Checkpoint(net.eval().to(device), spec, description.provenance, path, face_head)


def _check_shapes(description: Description, net: EmotionNet) -> None:
    expected = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    shapes = description.shapes
    if description.face_labels and any(key.startswith(FACE_CLASSIFIER) for key in shapes):
        encoder = description.spec.learned_encoder
        classes, dim = len(description.face_labels), 0 if encoder is None else encoder.dim
        expected |= {f"{FACE_CLASSIFIER}weight": (classes, dim), f"{FACE_CLASSIFIER}bias": (classes,)}
    misfit = f"{description.path} does not fit its own description"
    for key in sorted(set(expected) | set(shapes)):
        if key not in shapes:
            raise CheckpointError(f"{misfit}: it lacks {key}.")
        if key not in expected:
            raise CheckpointError(f"{misfit}: {key} is not part of that model.")
        if shapes[key] != expected[key]:
            raise CheckpointError(f"{misfit}: {key} is {shapes[key]} and should be {expected[key]}.")


def _check_values(path: Path, tensors: dict[str, Tensor], net: EmotionNet) -> None:
    expected = net.state_dict()
    for key, value in tensors.items():
        floating = key not in expected or expected[key].dtype.is_floating_point
        if value.dtype.is_floating_point != floating:
            raise CheckpointError(f"{path} does not fit its own description: {key} holds {value.dtype}.")
        if value.dtype.is_floating_point and not bool(value.isfinite().all()):
            raise CheckpointError(f"{path} is damaged: {key} holds values that are not finite.")


def _face_head(
    path: Path, tensors: dict[str, Tensor], description: Description, old_face_head: Mapping[str, Any] | None
) -> FaceHead | None:
    """The classifier of single faces; its tensors are removed from `tensors`."""
    weight = tensors.pop(f"{FACE_CLASSIFIER}weight", None)
    bias = tensors.pop(f"{FACE_CLASSIFIER}bias", None)
    if weight is not None and bias is not None:
        return FaceHead(description.face_labels, weight, bias)
    if old_face_head is None:
        return None
    import torch

    encoder = description.spec.learned_encoder
    try:
        labels, old_weight, old_bias = format2.face_head(old_face_head)
        if encoder is None or old_weight.shape[1] != encoder.dim:
            raise ValueError("the classifier of faces does not fit the backbone")
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is damaged: its classifier of faces cannot be read ({error})."
        ) from error
    return FaceHead(labels, torch.from_numpy(old_weight), torch.from_numpy(old_bias))


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
