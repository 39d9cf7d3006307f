"""What runs a network: torch as it is, torch with its layers folded together, or ONNX Runtime.

Each backend is a net with the same `forward`, `probs` and `encode`. "eager" is the truth: every other one
is compared with it when it is built, and gives way to it where it cannot be built or says something else.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from emolive.errors import EmoliveError
from emolive.models.network import EmotionNet
from emolive.models.registry import check_backend
from emolive.models.runtimes.fuse import fuse_batchnorm
from emolive.models.spec import BACKENDS, ModelSpec

if TYPE_CHECKING:
    from emolive.models.io.onnx import OnnxNet

log = logging.getLogger(__name__)

AUTO, EAGER, FOLDED, ONNX = BACKENDS
NAMES = (EAGER, FOLDED, ONNX)
TITLES = {EAGER: "torch", FOLDED: "folded torch", ONNX: "ONNX Runtime"}
TOLERANCE = 1e-4
"""How far logits and vectors may be from eager, as a share of the largest if that is above 1."""
HALF_TOLERANCE = 2e-2
"""The same in half precision, in which folded networks run on a graphics card."""
ROUNDS, WARM = 5, 2


@dataclass(frozen=True, slots=True)
class Backend:
    """A network that is ready to run."""

    name: str
    net: EmotionNet | OnnxNet
    note: str = ""
    """Why it is not the one that was asked for."""
    took_ms: dict[str, float] = field(default_factory=dict)
    """Median time per estimate of each backend that was tried, if any was."""


def half(name: str, device: torch.device) -> bool:
    """Whether a backend runs in half precision: folded networks on a graphics card do."""
    return name == FOLDED and device.type in ("cuda", "mps")


def build(name: str, net: EmotionNet, device: torch.device) -> EmotionNet | OnnxNet:
    """The network on one backend.

    Args:
        name: from `NAMES`.
        net: in eval mode and on `device`; stays as it is.
        device: where it runs.

    Raises:
        EmoliveError: packages are missing, the device is not the backend's, or the result is not eager's.
    """
    check_backend(name)
    made: EmotionNet | OnnxNet
    if name == ONNX:
        if device.type != "cpu":
            raise EmoliveError(f"ONNX Runtime runs on the processor here, not on {device}.")
        from emolive.models.runtimes.onnxruntime import convert

        made = convert(net)
    elif name == FOLDED:
        made = fuse_batchnorm(net)
        if made.backbone is not None:
            made.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    else:
        return net
    difference = _difference(made, net, device, half(name, device))
    if not difference <= (HALF_TOLERANCE if half(name, device) else TOLERANCE):
        raise EmoliveError(f"The backend {name} differs from torch by {difference:.2g}: it is not used.")
    return made


def choose(wanted: str, net: EmotionNet, device: torch.device) -> Backend:
    """The backend that was asked for, or of "auto" the one that takes the least time here.

    One that cannot be built gives way to eager, with a sentence in `note` if it was asked for by name.
    It takes a second at most, in the thread of the caller.

    Raises:
        EmoliveError: there is no backend of this name.
    """
    check_backend(wanted)
    if wanted == AUTO:
        return _fastest(net, device)
    try:
        return Backend(wanted, build(wanted, net, device))
    except EmoliveError as error:
        return Backend(EAGER, net, f"{str(error).rstrip('.')}; plain torch answers.")


def _fastest(net: EmotionNet, device: torch.device) -> Backend:
    made: dict[str, EmotionNet | OnnxNet] = {}
    for name in NAMES if device.type == "cpu" else (EAGER, FOLDED):
        try:
            made[name] = build(name, net, device)
        except EmoliveError as error:
            log.info("the backend %s is left out: %s", name, error)
    video, audio, pixels = inputs(net.spec, device)
    times: dict[str, list[float]] = {name: [] for name in made}
    # Of this thread alone on the processor, so that what runs beside it does not choose.
    clock = time.thread_time if device.type == "cpu" else time.perf_counter
    with torch.inference_mode():
        for turn in range(WARM + ROUNDS):
            for name, one in made.items():
                start = clock()
                _estimate(one, video, audio, pixels, half(name, device))
                if turn >= WARM:
                    times[name].append(1e3 * (clock() - start))
    took = {name: sorted(each)[ROUNDS // 2] for name, each in times.items()}
    best = min(took, key=lambda name: took[name])
    return Backend(best, made[best], took_ms=took)


def inputs(spec: ModelSpec, device: torch.device, n: int = 1) -> tuple[Tensor, Tensor, Tensor | None]:
    """Random video, audio and (for a model that sees them) pixels of `n` windows and frames."""
    random = torch.Generator().manual_seed(0)
    shapes: Iterable[tuple[int, ...]] = (
        (n, spec.n_bins, spec.video_channels),
        (n, spec.audio_channels, spec.audio.n_frames(spec.n_samples)),
        (n, 3, spec.pixels.size, spec.pixels.size),
    )
    video, audio, pixels = (torch.randn(shape, generator=random).to(device) for shape in shapes)
    return video, audio, pixels if "efficientface" in spec.encoders else None


def _estimate(
    net: EmotionNet | OnnxNet, video: Tensor, audio: Tensor, pixels: Tensor | None, in_half: bool
) -> tuple[Tensor, Tensor | None]:
    """Logits and vectors on the processor, so that a graphics card has finished."""
    with torch.autocast(video.device.type, enabled=in_half):
        vectors = None if pixels is None else net.encode(pixels).float().cpu()
        logits: Tensor = net(video, audio)
        return logits.float().cpu(), vectors


def _difference(made: EmotionNet | OnnxNet, net: EmotionNet, device: torch.device, in_half: bool) -> float:
    """The largest difference from eager on a window with both streams and on those with one."""
    video, audio, pixels = inputs(net.spec, device)
    silent, blind = torch.zeros_like(audio), torch.zeros_like(video)
    worst = 0.0
    run: Callable[..., tuple[Tensor, Tensor | None]] = _estimate
    with torch.inference_mode():
        for given in ((video, audio, pixels), (video, silent, None), (blind, audio, None)):
            found, expected = run(made, *given, in_half), run(net, *given, False)
            for a, b in zip(found, expected, strict=True):
                if a is not None and b is not None:
                    worst = max(worst, float((a - b).abs().max()) / max(1.0, float(b.abs().max())))
    return worst
