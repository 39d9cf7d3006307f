"""Export of a checkpoint to ONNX: for onnxruntime, and for programs without torch."""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from emolive.atomic_io import atomic_write
from emolive.errors import CheckpointError, MissingDependencyError, OutputError
from emolive.models.io import checkpoint
from emolive.models.io.backbone import weights_digest
from emolive.models.io.checkpoint import Checkpoint
from emolive.models.io.onnx import ENTRY, FORMAT, backbone_path
from emolive.models.learned import NEVER, mask_labels, mask_streams
from emolive.models.network import EmotionNet
from emolive.models.runtimes.onnxruntime import BUFFERS, create_session
from emolive.models.runtimes.session import INSTALL_ONNX

BATCHES = (1, 15)
"""Batch sizes with which an export is checked: one window, and the frames of one window."""
TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file that was written."""

    path: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    difference: float
    """The largest difference from torch in the check."""


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's warnings about packages that only other models need."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


class _Logits(nn.Module):
    """The logits of what a network learned, as other programs should see them."""

    def __init__(self, net: EmotionNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, video: Tensor, audio: Tensor) -> Tensor:
        spec = self.net.spec
        return mask_labels(self.net(*mask_streams(video, audio, spec)), spec)


def _graph(module: nn.Module, inputs: Sequence[Tensor], names: Sequence[str], output: str, path: Path) -> Any:
    """An ONNX model of a module, with a free batch."""
    try:
        import onnx  # noqa: F401 (the exporter needs both, and its own message is less clear)
        import onnxscript  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingDependencyError(INSTALL_ONNX) from error
    batch = torch.export.Dim("batch", min=1)
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                module,
                tuple(inputs),
                dynamo=True,
                dynamic_shapes=tuple({0: batch} for _ in inputs),
                input_names=list(names),
                output_names=[output],
                external_data=False,
                verbose=False,
            )
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"{path} cannot be written as ONNX: {reason}") from error
    assert program is not None
    return program.model_proto


def _difference(content: bytes, module: nn.Module, inputs: Sequence[Tensor], names: Sequence[str]) -> float:
    """The largest difference from torch, as a share of the largest value if that is above 1."""
    session = create_session(content, "The export")
    largest = 0.0
    for n in BATCHES:
        batch = [part[:n] for part in inputs]
        with torch.inference_mode():
            expected = module(*batch).numpy()
        # Masked logits would hide a difference: it is relative to the largest.
        counted = expected > NEVER / 2
        result = session.run(None, {name: part.numpy() for name, part in zip(names, batch, strict=True)})[0]
        if result.shape != expected.shape or not np.isfinite(result).all():
            return float("inf")
        result, expected = result[counted], expected[counted]
        largest = max(
            largest, float(np.abs(result - expected).max()) / max(1.0, float(np.abs(expected).max()))
        )
    return largest


def _checked(
    model: Any, module: nn.Module, inputs: Sequence[Tensor], names: Sequence[str], path: Path
) -> Any:
    """The bytes of a model and its difference from torch. CheckpointError if that is too large."""
    content: bytes = model.SerializeToString()
    difference = _difference(content, module, inputs, names)
    if not difference <= TOLERANCE:
        raise CheckpointError(
            f"{path} was not written: the exported model differs from torch by {difference:.2g}, "
            f"and {TOLERANCE:g} is allowed."
        )
    return content, difference


def export_onnx(path: Path, out: Path | None = None) -> list[ExportedFile]:
    """Write a checkpoint as ONNX, after checking that its results equal those of torch.

    Args:
        path: the checkpoint.
        out: the file to write; by default beside the checkpoint. The backbone of a model with a learned
            encoder is written beside that.

    Returns:
        The files that were written: the head, then the backbone if there is one.

    Raises:
        CheckpointError: the checkpoint cannot be used or exported.
        MissingDependencyError: packages are missing.
        OutputError: the file cannot be written.
    """
    loaded = checkpoint.load(path)
    out = Path(out) if out is not None else Path(path).with_suffix(checkpoint.ONNX_SUFFIX)
    if not checkpoint.is_onnx(out):
        raise OutputError(f"An exported model is recognised by its ending: name {out.name} {out.stem}.onnx.")
    if not out.parent.is_dir():
        raise OutputError(f"{out} cannot be written: there is no folder {out.parent}.")
    random = torch.Generator().manual_seed(0)
    backbone = _backbone_content(loaded, out, random)
    head, difference = _head_content(loaded, out, random, None if backbone is None else backbone[0])
    written = [ExportedFile(out, ("video", "audio"), ("logits",), difference)]
    if backbone is not None:
        # Written first: a head without its backbone is refused.
        with atomic_write(backbone_path(out)) as part:
            part.write_bytes(backbone[0])
        written.append(ExportedFile(backbone_path(out), ("pixels",), ("vectors",), backbone[1]))
    with atomic_write(out) as part:
        part.write_bytes(head)
    return written


def _backbone_content(loaded: Checkpoint, out: Path, random: torch.Generator) -> tuple[bytes, float] | None:
    backbone, size = loaded.net.backbone, loaded.spec.pixels.size
    if backbone is None:
        return None
    pixels = torch.randn(max(BATCHES), 3, size, size, generator=random)
    model = _graph(backbone, [pixels[:2]], ["pixels"], "vectors", out)
    content, difference = _checked(model, backbone, [pixels], ["pixels"], backbone_path(out))
    return content, difference


def _head_content(
    loaded: Checkpoint, out: Path, random: torch.Generator, backbone: bytes | None
) -> tuple[bytes, float]:
    spec, net = loaded.spec, _Logits(loaded.net).eval()
    n, names = max(BATCHES), ["video", "audio"]
    video = torch.randn(n, spec.n_bins, spec.video_channels, generator=random)
    audio = torch.randn(n, spec.audio_channels, spec.audio.n_frames(spec.n_samples), generator=random)
    model = _graph(net, [video[:2], audio[:2]], names, "logits", out)
    # A window may lack its video or its audio.
    video[1], audio[2] = 0, 0
    entry = {
        "format": FORMAT,
        "spec": spec.to_dict(),
        "provenance": loaded.provenance,
        "buffers": {name: getattr(loaded.net, name).tolist() for name in BUFFERS},
        "backbone": None if backbone is None else hashlib.sha256(backbone).hexdigest(),
        "weights": None if loaded.net.backbone is None else weights_digest(loaded.net.backbone),
    }
    property_ = model.metadata_props.add()
    property_.key, property_.value = ENTRY, json.dumps(entry)
    content, difference = _checked(model, net, [video, audio], names, out)
    return content, difference
