"""Building, checking and choosing the runtime of a network.

"eager" is the reference: every other runtime is compared with it when it is built, and replaced by it if it
cannot be built or computes something else.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace

import torch
from torch import Tensor

from emolive.errors import ConfigError, EmoliveError
from emolive.models.learned import NEVER
from emolive.models.network import EmotionNet
from emolive.models.runtimes import torch as torch_runtimes
from emolive.models.runtimes.base import AUTO, BACKENDS, EAGER, FOLDED, ONNX, Runtime, check_backend
from emolive.models.spec import ModelSpec

log = logging.getLogger(__name__)

NAMES = tuple(name for name in BACKENDS if name != AUTO)
TOLERANCE = 1e-4
"""Allowed difference of logits and vectors from eager, relative to the largest value if that is above 1."""
HALF_TOLERANCE = 2e-2
"""The same in half precision."""
ROUNDS, WARM_UP_ROUNDS = 5, 2


def build(name: str, net: EmotionNet, device: torch.device) -> Runtime:
    """The runtime of a network.

    Args:
        name: one of `NAMES`.
        net: in eval mode and on `device`; it is not changed.
        device: where it runs.

    Raises:
        EmoliveError: there is no such backend, packages are missing, it does not run on this device, or
            its results differ from eager's.
    """
    check_backend(name)
    if name == EAGER:
        return torch_runtimes.eager(net, device)
    if name == ONNX:
        if device.type != "cpu":
            raise ConfigError(f"ONNX Runtime runs on the CPU only, not on {device}.")
        from emolive.models.runtimes.onnxruntime import convert

        runtime = Runtime(ONNX, convert(net), device)
    else:
        runtime = torch_runtimes.folded(net, device)
    difference = _difference(runtime, torch_runtimes.eager(net, device))
    if not difference <= (HALF_TOLERANCE if runtime.half else TOLERANCE):
        raise ConfigError(f"The backend {name} differs from torch by {difference:.2g}: it is not used.")
    return runtime


def choose(backend: str, net: EmotionNet, device: torch.device) -> Runtime:
    """The runtime that was asked for, or for "auto" the fastest on this computer.

    If it cannot be built, eager replaces it, with a sentence in `fallback_reason` unless "auto" was asked
    for. Runs for up to a second.

    Raises:
        ConfigError: there is no backend of this name.
    """
    check_backend(backend)
    if backend == AUTO:
        return _fastest(net, device)
    try:
        return build(backend, net, device)
    except EmoliveError as error:
        reason = f"{str(error).rstrip('.')}; plain torch is used instead."
        return replace(torch_runtimes.eager(net, device), fallback_reason=reason)


def _fastest(net: EmotionNet, device: torch.device) -> Runtime:
    runtimes: list[Runtime] = []
    for name in NAMES if device.type == "cpu" else (EAGER, FOLDED):
        try:
            runtimes.append(build(name, net, device))
        except EmoliveError as error:
            log.info("the backend %s is not measured: %s", name, error)
    video, audio, pixels = random_inputs(net.spec, device)
    times: dict[str, list[float]] = {runtime.name: [] for runtime in runtimes}
    # On the CPU only this thread's time counts, to exclude the load of other threads.
    clock = time.thread_time if device.type == "cpu" else time.perf_counter
    for turn in range(WARM_UP_ROUNDS + ROUNDS):
        for runtime in runtimes:
            start = clock()
            _run(runtime, video, audio, pixels)
            if turn >= WARM_UP_ROUNDS:
                times[runtime.name].append(1e3 * (clock() - start))
    medians = {name: sorted(each)[ROUNDS // 2] for name, each in times.items()}
    fastest = min(runtimes, key=lambda runtime: medians[runtime.name])
    return replace(fastest, latency_ms=medians)


def random_inputs(spec: ModelSpec, device: torch.device, n: int = 1) -> tuple[Tensor, Tensor, Tensor | None]:
    """Random video, audio and (for a model with a backbone) pixels of `n` windows and frames."""
    random = torch.Generator().manual_seed(0)
    video = torch.randn(n, spec.n_bins, spec.video_channels, generator=random)
    audio = torch.randn(n, spec.audio_channels, spec.audio.n_frames(spec.n_samples), generator=random)
    pixels = None
    if spec.learned_encoder is not None:
        pixels = torch.randn(n, 3, spec.pixels.size, spec.pixels.size, generator=random).to(device)
    return video.to(device), audio.to(device), pixels


def _run(
    runtime: Runtime, video: Tensor, audio: Tensor, pixels: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    vectors = None if pixels is None else runtime.encode(pixels)
    return runtime.logits(video, audio), vectors


def _difference(runtime: Runtime, reference: Runtime) -> float:
    """The largest difference on a window with both streams and on those with one of them."""
    video, audio, pixels = random_inputs(reference.net.spec, reference.device)
    no_audio, no_video = torch.zeros_like(audio), torch.zeros_like(video)
    largest = 0.0
    for inputs in ((video, audio, pixels), (video, no_audio, None), (no_video, audio, None)):
        for a, b in zip(_run(runtime, *inputs), _run(reference, *inputs), strict=True):
            if a is not None and b is not None:
                # Masked logits would hide a difference.
                counted = b > NEVER / 2
                difference, size = (a - b)[counted].abs().max(), b[counted].abs().max()
                largest = max(largest, float(difference) / max(1.0, float(size)))
    return largest
