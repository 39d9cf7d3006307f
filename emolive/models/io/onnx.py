"""Exported checkpoints: a head and, if needed, a backbone in ONNX, read like a checkpoint.

`X.onnx` holds the head: video (batch, n_bins, channels) and audio (batch, channels, frames) → logits. Its
metadata entry "emolive" is the JSON of a checkpoint, with the global statistics and the temperature. For a
model with a learned encoder, `X.backbone.onnx` in the same folder turns pixels into vectors; the head holds
its SHA-256. All weights are inside these files.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from emolive import bounded_json
from emolive.errors import CheckpointError, ConfigError, EmoliveError, MissingDependencyError
from emolive.models import checks as check
from emolive.models import factory
from emolive.models.io import checkpoint, format2
from emolive.models.io.checkpoint import ONNX_SUFFIX, Description, check_request, is_onnx
from emolive.models.runtimes.onnxruntime import BUFFERS, OnnxNet, create_session
from emolive.models.runtimes.session import INSTALL_ONNX
from emolive.models.spec import ModelSpec
from emolive.plugins import FUSIONS
from emolive.types import MODALITIES

FORMAT = 3
READABLE = (2, 3)
ENTRY = "emolive"
MAX_BYTES = (1 << 31) - 1
"""What an ONNX file with its weights inside can hold."""


@dataclass(frozen=True, slots=True)
class OnnxCheckpoint:
    """A loaded export; the same fields as `emolive.models.io.checkpoint.Checkpoint`."""

    net: OnnxNet
    spec: ModelSpec
    provenance: dict[str, Any]
    path: Path
    weights: str = ""
    """Digest of the backbone's weights, as `emolive.models.io.backbone.weights_digest` computes it."""


@dataclass(frozen=True, slots=True)
class _Head:
    session: Any
    entry: dict[str, Any]
    spec: ModelSpec
    old: bool
    """Written in format 2."""


def backbone_path(path: Path) -> Path:
    """The path of an exported checkpoint's backbone."""
    return path.with_suffix(f".backbone{ONNX_SUFFIX}")


def _format_2_backbone_path(path: Path) -> Path:
    return path.with_suffix(f".trunk{ONNX_SUFFIX}")


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CheckpointError(f"{path} is larger than 2 GB, which no model of emolive is.")
        return path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"There is no checkpoint {path}.") from None
    except OSError as error:
        raise CheckpointError(f"The checkpoint {path} cannot be read: {error.strerror}.") from error


def _session(path: Path, content: bytes) -> Any:
    """A session of a file that holds all of its weights."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise MissingDependencyError(INSTALL_ONNX) from error
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        raise CheckpointError(f"{path} is not an ONNX model that can be run, or is damaged.") from error
    # Such a model could name any file of this computer.
    external = onnx.TensorProto.EXTERNAL
    if any(t.external_data or t.data_location == external for t in _model_tensors(model)):
        raise CheckpointError(
            f"{path} keeps its weights in other files, which emolive does not read: export it again."
        )
    return create_session(content, str(path))


def _model_tensors(model: Any) -> Any:
    """All stored tensors of a model: of its graph, its functions and its training graphs."""
    yield from _tensors(model.graph)
    for function in model.functions:
        yield from _node_tensors(function.node)
    for training in model.training_info:
        yield from _tensors(training.initialization)
        yield from _tensors(training.algorithm)


def _tensors(graph: Any) -> Any:
    """All stored tensors of a graph and of the graphs in its nodes."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _node_tensors(graph.node)


def _node_tensors(nodes: Any) -> Any:
    """The stored tensors of nodes and of the graphs in them."""
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for inner in (attribute.g, *attribute.graphs):
                if inner.node or inner.initializer or inner.sparse_initializer:
                    yield from _tensors(inner)


def _open(path: Path) -> _Head:
    session = _session(path, _read(path))
    try:
        text = session.get_modelmeta().custom_metadata_map[ENTRY]
        entry = check.mapping("the metadata", bounded_json.parse(text))
        version = entry["format"]
    except (ConfigError, KeyError, ValueError):
        raise CheckpointError(f"{path} is an ONNX model, but not one that `emolive export` wrote.") from None
    if isinstance(version, bool) or version not in READABLE:
        raise CheckpointError(
            f"{path} has export format {check.shown(version)}, and this version of emolive reads "
            f"{' and '.join(map(str, READABLE))}."
        )
    old = version != FORMAT
    try:
        values = entry.get("spec")
        spec = ModelSpec.from_dict(format2.spec_values(values) if old else values)  # type: ignore[arg-type]
        FUSIONS.check(spec.fusion)
        factory.architecture(spec.arch)
        check.mapping("provenance", entry.get("provenance"))
    except EmoliveError as error:
        raise CheckpointError(f"{path} cannot be used. {error}") from error
    return _Head(session, entry, spec, old)


def describe(path: Path) -> Description:
    """`emolive.models.io.checkpoint.describe` for exports too (with the shapes of inputs and outputs).

    Raises:
        CheckpointError: it is missing, damaged, something else, or of another format.
    """
    path = Path(path)
    if not is_onnx(path):
        return checkpoint.describe(path)
    head = _open(path)
    ends = (*head.session.get_inputs(), *head.session.get_outputs())
    shapes = {end.name: tuple(side if isinstance(side, int) else -1 for side in end.shape) for end in ends}
    return Description(path, head.spec, head.entry["provenance"], shapes)


def load(path: Path, *, fusion: str | None = None, landmarker: str | None = None) -> OnnxCheckpoint:
    """Load an export strictly, as `emolive.models.io.checkpoint.load` does a checkpoint.

    Args:
        path: the head's file.
        fusion: refuse any other fusion.
        landmarker: the landmarker in use; a model that was trained on another's landmarks is refused.

    Raises:
        CheckpointError: the file is missing, damaged or does not fit.
        MissingDependencyError: packages are missing.
    """
    path = Path(path)
    head = _open(path)
    spec, entry = head.spec, head.entry
    check_request(path, spec, fusion, landmarker)
    _check_ends(path, head.session, spec)
    dims = {"video": spec.video_dim, "audio": spec.audio.channels, "temperature": len(MODALITIES)}
    try:
        stored = check.mapping("buffers", entry.get("buffers"))
        if head.old:
            stored = {format2.tensor_name(name): values for name, values in stored.items()}
        buffers = {
            name: torch.from_numpy(
                check.array(name, stored.get(name), dims[name.partition("_")[0]]).astype("float32")
            )
            for name in BUFFERS
        }
        digest = entry.get("trunk" if head.old else "backbone")
    except ConfigError as error:
        raise CheckpointError(f"{path} is damaged: its statistics cannot be read. {error}") from error
    for name, values in buffers.items():
        if not bool(values.isfinite().all()):
            raise CheckpointError(f"{path} does not fit its own description: see {name}.")
    if float(buffers["temperature"].min()) <= 0:
        raise CheckpointError(f"{path} is damaged: its temperature is {buffers['temperature'].tolist()}.")
    backbone = None
    if spec.learned_encoder is not None:
        backbone = _backbone(path, _format_2_backbone_path(path) if head.old else backbone_path(path), digest)
    net = OnnxNet(spec, buffers, head=head.session, backbone=backbone)
    weights = str(entry.get("weights") or digest or "")
    return OnnxCheckpoint(net.eval(), spec, entry["provenance"], path, weights)


def _check_ends(path: Path, session: Any, spec: ModelSpec) -> None:
    """Inputs and outputs must be those of the description; only the batch size is free."""
    expected = {
        "video": [spec.n_bins, spec.video_channels],
        "audio": [spec.audio_channels, spec.audio.n_frames(spec.n_samples)],
        "logits": [len(spec.labels)],
    }
    ends = {end.name: list(end.shape[1:]) for end in (*session.get_inputs(), *session.get_outputs())}
    if ends != expected:
        raise CheckpointError(f"{path} does not fit its own description: its inputs and outputs are {ends}.")


def _backbone(path: Path, beside: Path, digest: object) -> Any:
    """The session of the backbone that was exported with a head."""
    if not beside.is_file():
        raise CheckpointError(f"{path} reads pixels, and its backbone {beside.name} is not beside it.")
    content = _read(beside)
    if digest != hashlib.sha256(content).hexdigest():
        raise CheckpointError(
            f"{beside.name} is not the backbone that {path} was exported with: export both again."
        )
    return _session(beside, content)
