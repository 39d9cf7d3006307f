"""A network that is in memory, on ONNX Runtime: one window and one frame at a time.

`emolive.models.io.onnx_export` writes files for others, with any number of windows; tracing for that takes seconds
and 200 MB. Here one shape is enough, and torch's older exporter does that in a tenth of the time and memory.
What it makes is kept in the user's cache under a digest of the weights, so that it is made once.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from emolive import paths as settings
from emolive.atomic_io import atomic_write
from emolive.errors import EmoliveError
from emolive.models.io.checkpoint import ONNX_SUFFIX
from emolive.models.io.onnx import BUFFERS, WANTED, OnnxNet, session
from emolive.models.network import EmotionNet

log = logging.getLogger(__name__)

OPSET = 18


def convert(net: EmotionNet) -> OnnxNet:
    """The same network on ONNX Runtime. EmoliveError if packages are missing or it cannot be exported."""
    try:
        import onnxruntime  # noqa: F401
    except ModuleNotFoundError as error:
        raise EmoliveError(WANTED) from error
    spec = net.spec
    video = torch.zeros(1, spec.n_bins, spec.video_channels)
    audio = torch.zeros(1, spec.audio_channels, spec.audio.n_frames(spec.n_samples))
    head = _session(net, (video, audio), ("video", "audio"), "logits")
    backbone = None
    if net.backbone is not None:
        pixels = torch.zeros(1, 3, spec.pixels.size, spec.pixels.size)
        backbone = _session(net.backbone, (pixels,), ("pixels",), "vectors")
    return OnnxNet(
        spec,
        {name: getattr(net, name) for name in BUFFERS},
        head=head,
        backbone=backbone,
    ).eval()


def _session(module: nn.Module, given: Sequence[Tensor], names: Sequence[str], output: str) -> Any:
    """An ONNX Runtime session of a module for just these shapes, from the cache or made now."""
    path = settings.cache_dir() / "onnx" / f"{_digest(module, given)}{ONNX_SUFFIX}"
    try:
        return session(path.read_bytes(), path.name)
    except (OSError, EmoliveError) as error:
        log.info("%s is made: %s", path.name, error)
    content = _traced(module, given, names, output)
    _keep(path, content)
    return session(content, "The export")


def _digest(module: nn.Module, given: Sequence[Tensor]) -> str:
    """Of everything that the export follows from."""
    shapes = [list(part.shape) for part in given]
    made_by = [torch.__version__, OPSET, version("emolive"), repr(module), shapes]
    found = hashlib.sha256(json.dumps(made_by).encode())
    for name, value in module.state_dict().items():
        found.update(name.encode())
        found.update(value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:32]


def _traced(module: nn.Module, given: Sequence[Tensor], names: Sequence[str], output: str) -> bytes:
    try:
        import onnx  # noqa: F401 (the exporter needs it, and says so less clearly)
    except ModuleNotFoundError as error:
        raise EmoliveError(WANTED) from error
    buffer: Any = io.BytesIO()  # which the older exporter takes as well as a path
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                tuple(given),
                buffer,
                dynamo=False,
                opset_version=OPSET,
                input_names=list(names),
                output_names=[output],
            )
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise EmoliveError(f"The network cannot be exported to ONNX Runtime: {reason}") from error
    content: bytes = buffer.getvalue()
    return content


def _keep(path: Path, content: bytes) -> None:
    """Into the cache; without room for it, it is made anew each time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as part:
            part.write_bytes(content)
    except (OSError, EmoliveError) as error:
        log.info("%s is not kept: %s", path.name, error)
