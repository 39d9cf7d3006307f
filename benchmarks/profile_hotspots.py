"""Where the time of a live session goes, function by function."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import torch

from benchmarks import fixtures
from benchmarks.predict_latency import PipelineHarness
from benchmarks.results import BenchmarkConfig, Measurement, Report
from emolive.clock import NS_PER_S
from emolive.predictor import load_predictor
from emolive.types import Frame
from emolive.vision.face_pipeline import FacePipeline

PER_ESTIMATE = 4
"""Frames that are looked at for an estimate: 15 a second, 3.6 of them in 240 ms."""
LEAST = 0.03
PACKAGE = Path(__file__).resolve().parents[1]


def run(config: BenchmarkConfig, report: Report) -> Iterator[Measurement]:
    """`where`: share of each function of shares, with all that it calls, in perception and estimates."""
    torch.set_num_threads(1)
    predictor = load_predictor(config.fusion, None, "cpu", config.backend)
    harness, face_pipeline = (
        PipelineHarness(predictor, fixtures.crops(1, 48)),
        FacePipeline.for_spec(predictor.spec),
    )
    count = 2 * config.rounds
    pictures = fixtures.pictures(PER_ESTIMATE * count / 15 + 1, 15)
    frames = (Frame(i * NS_PER_S // 15, picture, i) for i, picture in enumerate(pictures))
    profile = cProfile.Profile()
    for turn in range(3 + count):
        harness.advance()
        new_frames = [next(frames) for _ in range(PER_ESTIMATE)] if turn >= 3 else []
        if turn >= 3:
            profile.enable()
        for frame in new_frames:
            face_pipeline.process(frame)
        harness.hop()
        profile.disable()
    face_pipeline.close()
    yield from _shares(profile)


def _shares(profile: cProfile.Profile) -> Iterator[Measurement]:
    total = pstats.Stats(profile).total_tt  # type: ignore[attr-defined]
    shares = [
        (_name(entry.code), entry.totaltime / total)
        for entry in profile.getstats()
        if isinstance(entry.code, CodeType) and _is_ours(entry.code)
    ]
    for name, share in sorted(shares, key=lambda each: -each[1]):
        if share >= LEAST:
            note = "including callees; the profiler's overhead counts as Python's" if share > 0.5 else ""
            yield Measurement(f"where.{name}", name, 100 * share, "% of the time", note=note)


def _is_ours(code: CodeType) -> bool:
    path = Path(code.co_filename)
    return PACKAGE in path.parents and path.parent.name != "benchmarks"


def _name(code: CodeType) -> str:
    return f"{Path(code.co_filename).relative_to(PACKAGE).with_suffix('').as_posix()}: {code.co_qualname}"
