"""Fixtures for tests that run whole sessions: generated clips, and sessions that leave no thread behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emolive.clock import now_ns, to_ns
from emolive.session.config import SessionConfig
from emolive.types import Estimate, Status
from tests.helpers.clips import drawn_pictures, drawn_sound, write_clip
from tests.helpers.listener import eventually

_predictors: list[Any] = []


@pytest.fixture(scope="module")
def one_landmark_predictor() -> Iterator[None]:
    """One landmark predictor for all tests of a module: it takes a second to load and has no state."""
    import torch

    from emolive.vision import face_pipeline
    from emolive.vision.landmarks import LandmarkPredictor

    def shared() -> LandmarkPredictor:
        if not _predictors:
            _predictors.append(LandmarkPredictor())
        return _predictors[0]

    # For networks this small a second thread mostly waits, all the more beside other work.
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(face_pipeline, "LandmarkPredictor", shared)
        yield


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three seconds of the drawn demo: whole, "mute" (no sound), "blind" (no picture), "silent" (zeros),
    "late" (sound that begins 0.1234 s after the picture), and "away" (the face gone for nine seconds)."""
    folder = tmp_path_factory.mktemp("clips")
    pictures, sound = drawn_pictures(3), drawn_sound(3)
    black = [np.zeros_like(pictures[0])] * 30 * 9
    streams = {
        "whole": (pictures, sound),
        "mute": (pictures, None),
        "blind": (None, sound),
        "silent": (pictures, np.zeros_like(sound)),
        "away": (pictures[:75] + black + pictures[:75], None),
    }
    written = {name: write_clip(folder / f"{name}.mkv", *parts) for name, parts in streams.items()}
    written["late"] = write_clip(folder / "late.mkv", pictures, sound, sound_start_s=0.1234)
    return written


class Watched:
    """A session and all that it said."""

    def __init__(self, config: SessionConfig) -> None:
        from emolive.session.session import Session

        self.session = Session(config)
        self.estimates: list[Estimate] = []
        self.session.subscribe(self.estimates.append)

    def status(self, source: str) -> Status | None:
        return next((s for s in self.session.snapshot().statuses if s.source == source), None)

    def code(self, source: str) -> str:
        status = self.status(source)
        return status.code if status else ""

    def until(self, true: Callable[[], object], what: str, timeout_s: float = 40) -> None:
        eventually(true, what, timeout_s)

    def until_finished(self) -> list[Estimate]:
        self.until(lambda: self.session.finished, "the end of the file", 90)
        return self.estimates

    def until_estimates(self, more: int = 1) -> list[Estimate]:
        n_expected = len(self.estimates) + more
        self.until(lambda: len(self.estimates) >= n_expected, f"{more} more estimates")
        return self.estimates


def left_behind(before: set[threading.Thread]) -> list[str]:
    return [t.name for t in set(threading.enumerate()) - before if t.name.startswith("emolive-")]


@pytest.fixture
def watch(random_checkpoint: Callable[..., Path]) -> Iterator[Callable[..., Watched]]:
    """`watch(source, **config)` starts a session; it is stopped at the end and must leave no thread."""
    before = set(threading.enumerate())
    watched: list[Watched] = []

    def begin(source: Any, *, start: bool = True, **config: Any) -> Watched:
        config = {
            "mic": "auto",
            "checkpoint": random_checkpoint("ia"),
            "device": "cpu",
            "backend": "eager",
            **config,
        }
        one = Watched(SessionConfig(source=str(source), **config))
        watched.append(one)
        if start:
            one.session.start()
        return one

    yield begin
    for one in watched:
        deadline_ns = now_ns() + to_ns(30)
        assert one.session.stop(20), "a thread did not end"
        assert now_ns() < deadline_ns
    eventually(lambda: not left_behind(before), f"the end of {left_behind(before)}", 5)
