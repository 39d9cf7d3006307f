"""`emolive analyze` on a file: how many times faster than it plays."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch

from benchmarks import fixtures
from benchmarks.results import BenchmarkConfig, Measurement, Report
from emolive.capture.decode import probe
from emolive.file_analyzer import FileAnalyzer
from emolive.predictor import load_predictor

CLIP_S = 10.0
TARGET = 8.0


def run(config: BenchmarkConfig, report: Report) -> Iterator[Measurement]:
    """`analyze`: with the model loaded already; decoding, faces, landmarks and estimates are in it."""
    torch.set_num_threads(1)
    path = config.file or fixtures.write_clip(config.folder / "720p.mp4", CLIP_S, fixtures.HD)
    duration_s = probe(path).duration_s or CLIP_S
    with FileAnalyzer(load_predictor(config.fusion, None, "cpu", config.backend)) as analyzer:
        next(analyzer.analyze(path))
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        rows = sum(1 for _ in analyzer.analyze(path))
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    note = f"{'the given file' if config.file else '1280x720, drawn'}, {duration_s:.1f} s, {rows} rows"
    label = "analyze, times real time"
    yield Measurement("analyze.speed", label, duration_s / wall_s, "×", TARGET, at_least=True, note=note)
    yield Measurement("analyze.cpu", "  CPU for a second of the file", 1e3 * cpu_s / duration_s, "ms")
