"""The physical limit: the operations of the backbone over the rate of one core of this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measure import interleaved
from benchmarks.results import BenchmarkConfig, Measurement, Report
from emolive.models import factory
from emolive.models.input_spec import PixelSpec
from emolive.models.runtimes import autotune
from emolive.models.runtimes.base import EAGER, FOLDED, ONNX
from emolive.models.spec import ModelSpec

SIZES = (224, 112, 64)
SIDE = 768
TIMES = 12


def run(config: BenchmarkConfig, report: Report) -> Iterator[Measurement]:
    """`limit`: FLOPs of the backbone over the GEMM rate of one core, compared with each runtime."""
    torch.set_num_threads(1)
    rate = gemm_gflops()
    yield Measurement(
        "limit.gemm", "matrix product, one core, float32", rate, "GFLOP/s", note=f"{SIDE} x {SIDE}"
    )
    for size in SIZES:
        net = factory.build(ModelSpec(pixels=PixelSpec(size))).eval()
        pixels = torch.rand(1, 3, size, size)
        flops = flops_of(net.backbone, pixels)
        nets: dict[str, Any] = {EAGER: net}
        for backend in (FOLDED, ONNX):
            chosen = autotune.choose(backend, net, torch.device("cpu"))
            if chosen.name == backend:
                nets[backend] = chosen.net
        with torch.inference_mode():
            encoders = {name: partial(one.encode, pixels) for name, one in nets.items()}
            times = interleaved(encoders, config.rounds)
        least_ms = flops / rate / 1e6
        yield Measurement(f"limit.flops_{size}", f"backbone at {size} px", flops / 1e6, "MFLOP a frame")
        yield Measurement(f"limit.least_{size}", "  at the rate of the matrix product", least_ms, "ms")
        for name, spent in times.items():
            note = f"{100 * least_ms / spent.p50:.0f} % of the limit's speed"
            yield Measurement(f"limit.{name}_{size}", f"  {name}", spent.p50, "ms", note=note)


def gemm_gflops() -> float:
    """Rate of one core in a large float32 matrix product (2 n³ operations), the best of several."""
    a, b = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    best_s = float("inf")
    for _ in range(TIMES):
        start = time.thread_time()
        a @ b
        best_s = min(best_s, time.thread_time() - start)
    return 2e-9 * SIDE**3 / best_s


def flops_of(module: Any, pixels: torch.Tensor) -> float:
    """Multiplications and additions of one pass, as torch counts them."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(pixels)
    return float(counter.get_total_flops())
