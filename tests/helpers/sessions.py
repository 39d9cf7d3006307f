"""Fixtures for tests that run sessions: clips of the demo, and sessions that must end all their threads."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emolive.clock import to_ns
from emolive.session.config import SessionConfig
from emolive.types import Estimate, Status
from tests.helpers.clips import demo_clips
from tests.helpers.listener import eventually
from tests.helpers.puppet import Puppet

STOP_S = 60.0
"""A busy computer may take so long to end a thread."""


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """See `demo_clips`."""
    return demo_clips(tmp_path_factory.mktemp("clips"))


class Watched:
    """A session with all of its estimates."""

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

    def running_face_s(self) -> int:
        """Seconds of face in the running statistics, as the status of the baseline reports them."""
        status = self.status("baseline")
        match = re.search(r"the (\d+) s of this face", status.text if status else "")
        assert match is not None
        return int(match[1])

    def until(self, condition: Callable[[], object], what: str, timeout_s: float = 120) -> None:
        eventually(condition, what, timeout_s)

    def until_finished(self) -> list[Estimate]:
        self.until(lambda: self.session.finished, "the end of the file")
        return self.estimates

    def until_estimates(self, more: int = 1) -> list[Estimate]:
        n_expected = len(self.estimates) + more
        self.until(lambda: len(self.estimates) >= n_expected, f"{more} more estimates")
        return self.estimates

    def until_anew(self, n: int) -> list[Estimate]:
        """Wait for estimates of a stream that began after the first `n` ones; returns them.

        One of the stream before may still be on its way when the next one has begun.
        """

        def origin_ns(estimate: Estimate) -> int:
            return estimate.t_ns - to_ns(estimate.t_s)

        # Their times in seconds are rounded.
        before_ns = origin_ns(self.estimates[n - 1]) + to_ns(0.01)

        def anew() -> list[Estimate]:
            return [estimate for estimate in self.estimates[n:] if origin_ns(estimate) > before_ns]

        self.until(lambda: len(anew()) > 1, "estimates of another stream")
        return anew()


def remaining_threads(before: set[threading.Thread]) -> list[str]:
    return [t.name for t in set(threading.enumerate()) - before if t.name.startswith("emolive-")]


@pytest.fixture
def watch(random_checkpoint: Callable[..., Path]) -> Iterator[Callable[..., Watched]]:
    """`watch(source, **config)` starts a session; it is stopped at the end and must end all its threads."""
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
        assert one.session.stop(STOP_S), "a thread did not end"
    eventually(lambda: not remaining_threads(before), f"the end of {remaining_threads(before)}", STOP_S)


@pytest.fixture
def puppet(monkeypatch: pytest.MonkeyPatch) -> Puppet:
    """What the next session that opens a camera opens instead."""
    from emolive.session import stream_opening

    source = Puppet()
    monkeypatch.setattr(stream_opening, "open_spec", lambda spec, **_: source)
    return source
