"""ONNX Runtime, and the conversion of a network in memory to it: one window and one frame at a time.

`emolive.models.io.onnx_export` writes files for other programs, with a dynamic batch size; that needs seconds
and 200 MB. Here one shape is enough, and torch's older exporter needs a tenth of the time and memory for
it. The result is cached under a digest of the weights.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from emolive import paths
from emolive.atomic_io import atomic_write
from emolive.errors import CheckpointError, ConfigError, EmoliveError, MissingDependencyError
from emolive.models.network import STATS, EmotionNet
from emolive.models.runtimes import session
from emolive.models.runtimes.session import INSTALL_ONNX
from emolive.models.spec import ModelSpec

log = logging.getLogger(__name__)

OPSET = 18
BUFFERS = (*(f"{stream}_{stat}" for stream in ("video", "audio") for stat in STATS), "temperature")
"""The buffers of a network that an `OnnxNet` has too."""


class OnnxNet(nn.Module):
    """A network on ONNX Runtime with the interface of `emolive.predictor.Predictor`. Runs on the CPU.

    Args:
        spec: of the model.
        buffers: the global statistics and the temperature, by the names in `BUFFERS`.
        head: session from video and audio to logits.
        backbone: session from pixels to vectors, if the model has a learned encoder.
    """

    temperature: Tensor

    def __init__(
        self, spec: ModelSpec, buffers: Mapping[str, Tensor], *, head: Any, backbone: Any = None
    ) -> None:
        super().__init__()
        self.spec = spec
        self._head, self._backbone = head, backbone
        for name, values in buffers.items():
            self.register_buffer(name, values)

    def forward(self, video: Tensor, audio: Tensor) -> Tensor:
        """(B, n_bins, video_channels), (B, audio_channels, frames) → logits (B, classes)."""
        inputs = {"video": video.cpu().numpy(), "audio": audio.cpu().numpy()}
        return torch.from_numpy(self._head.run(["logits"], inputs)[0])

    def encode(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) prepared according to `spec.pixels` → (N, dim). ConfigError without a backbone."""
        if self._backbone is None:
            raise ConfigError(f"This model reads {', '.join(self.spec.encoders)}: it has no pixel encoder.")
        return torch.from_numpy(self._backbone.run(["vectors"], {"pixels": pixels.cpu().numpy()})[0])


def create_session(content: bytes, name: str, threads: int | None = None) -> Any:
    """As `emolive.models.runtimes.session.create_session`, by default with as many threads as torch uses."""
    return session.create_session(content, name, threads or torch.get_num_threads())


def convert(net: EmotionNet) -> OnnxNet:
    """A network on ONNX Runtime.

    Raises:
        MissingDependencyError: packages are missing.
        CheckpointError: the network cannot be exported.
    """
    spec = net.spec
    video = torch.zeros(2, spec.n_bins, spec.video_channels)
    audio = torch.zeros(2, spec.audio_channels, spec.audio.n_frames(spec.n_samples))
    # A stream is read whole and by its newest part in one batch.
    free = {name: {0: "batch"} for name in ("video", "audio", "logits")}
    head = cached_session(net, (video, audio), ("video", "audio"), "logits", dynamic_axes=free)
    backbone = None
    if net.backbone is not None:
        pixels = torch.zeros(1, 3, spec.pixels.size, spec.pixels.size)
        backbone = cached_session(net.backbone, (pixels,), ("pixels",), "vectors")
    buffers = {name: getattr(net, name) for name in BUFFERS}
    return OnnxNet(spec, buffers, head=head, backbone=backbone).eval()


def cached_session(
    module: nn.Module,
    inputs: Sequence[Tensor],
    names: Sequence[str],
    output: str,
    *,
    dynamic_axes: Mapping[str, Mapping[int, str]] | None = None,
    threads: int | None = None,
) -> Any:
    """A session of a module, from the cache or exported now.

    Args:
        module: in eval mode.
        inputs: examples; the session is for exactly these shapes, except in the dynamic axes.
        names: of the inputs.
        output: name of the output.
        dynamic_axes: name of an input or output → axis → what the axis is called.
        threads: for one run; by default as many as torch uses.

    Raises:
        MissingDependencyError: packages are missing.
        CheckpointError: the module cannot be exported.
    """
    path = paths.cache_dir() / "onnx" / f"{_digest(module, inputs, dynamic_axes)}.onnx"
    try:
        return create_session(path.read_bytes(), path.name, threads)
    except (OSError, EmoliveError) as error:
        log.info("%s is exported: %s", path.name, error)
    content = export_module(module, inputs, names, output, dynamic_axes)
    store(path, content)
    return create_session(content, "The export", threads)


def _digest(
    module: nn.Module, inputs: Sequence[Tensor], dynamic_axes: Mapping[str, Mapping[int, str]] | None
) -> str:
    """Digest of everything that the export depends on."""
    shapes = [list(part.shape) for part in inputs]
    made_by: list[Any] = [torch.__version__, OPSET, version("emolive"), repr(module), shapes]
    if dynamic_axes:
        made_by.append(dynamic_axes)
    digest = hashlib.sha256(json.dumps(made_by).encode())
    for name, value in module.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def export_module(
    module: nn.Module,
    inputs: Sequence[Tensor],
    names: Sequence[str],
    output: str,
    dynamic_axes: Mapping[str, Mapping[int, str]] | None = None,
) -> bytes:
    """The ONNX file of a module, for the shapes of `inputs` except in the dynamic axes.

    Raises:
        MissingDependencyError: packages are missing.
        CheckpointError: the module cannot be exported.
    """
    try:
        import onnx  # noqa: F401 (the exporter needs it, and its own message is less clear)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(INSTALL_ONNX) from error
    buffer: Any = io.BytesIO()  # the older exporter also accepts a file object
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                tuple(inputs),
                buffer,
                dynamo=False,
                opset_version=OPSET,
                input_names=list(names),
                output_names=[output],
                dynamic_axes=dynamic_axes,
            )
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"The network cannot be exported to ONNX Runtime: {reason}") from error
    content: bytes = buffer.getvalue()
    return content


def store(path: Path, content: bytes) -> None:
    """Write to the cache; without space there the export is repeated each time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as part:
            part.write_bytes(content)
    except (OSError, EmoliveError) as error:
        log.info("%s is not cached: %s", path.name, error)
