"""Where the time of a live session goes, function by function."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import torch

from emolive.bench import material
from emolive.bench.figures import Figure, Found, Plan
from emolive.bench.hop import Rig
from emolive.clock import NS_PER_S
from emolive.interpreter import load_interpreter
from emolive.perception import Perceiver
from emolive.types import Frame

PER_ESTIMATE = 4
"""Frames that are looked at for an estimate: 15 a second, 3.6 of them in 240 ms."""
LEAST = 0.03
PACKAGE = Path(__file__).resolve().parents[1]


def part(plan: Plan, found: Found) -> Iterator[Figure]:
    """`where`: share of each function of ours, with all that it calls, in perception and estimates."""
    torch.set_num_threads(1)
    interpreter = load_interpreter(plan.fusion, None, "cpu", plan.backend)
    rig, perceiver = Rig(interpreter, material.crops(1, 48)), Perceiver.for_spec(interpreter.spec)
    count = 2 * plan.rounds
    pictures = material.pictures(PER_ESTIMATE * count / 15 + 1, 15)
    frames = (Frame(i * NS_PER_S // 15, picture, i) for i, picture in enumerate(pictures))
    profile = cProfile.Profile()
    for turn in range(3 + count):
        rig.advance()
        shown = [next(frames) for _ in range(PER_ESTIMATE)] if turn >= 3 else []
        if turn >= 3:
            profile.enable()
        for frame in shown:
            perceiver.observe(frame)
        rig.hop()
        profile.disable()
    rig.close()
    perceiver.close()
    yield from _shares(profile)


def _shares(profile: cProfile.Profile) -> Iterator[Figure]:
    total = pstats.Stats(profile).total_tt  # type: ignore[attr-defined]
    ours = [
        (_name(entry.code), entry.totaltime / total)
        for entry in profile.getstats()
        if isinstance(entry.code, CodeType) and _is_ours(entry.code)
    ]
    for name, share in sorted(ours, key=lambda each: -each[1]):
        if share >= LEAST:
            note = "with what it calls; the profiler's own time counts with Python's" if share > 0.5 else ""
            yield Figure(f"where.{name}", name, 100 * share, "% of the time", note=note)


def _is_ours(code: CodeType) -> bool:
    path = Path(code.co_filename)
    return PACKAGE in path.parents and path.parent.name != "bench"


def _name(code: CodeType) -> str:
    return f"{Path(code.co_filename).relative_to(PACKAGE).with_suffix('').as_posix()}: {code.co_qualname}"
