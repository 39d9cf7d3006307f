"""Every test ends the threads and the child processes that it started; otherwise it fails.

What fixtures of a wider scope start may stay.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
import weakref
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from emolive.capture.native_thread import IDLE_NAME

PATIENCE_S = 60.0
"""A thread that was told to end may need so long where much runs: opening a camera cannot be interrupted."""
LASTING = (IDLE_NAME, "TMonitor", "tqdm_monitor", "pytest_timeout", "ThreadPoolExecutor")
"""Beginnings of the names of threads that a process has once and keeps: those for native calls while they are
idle, of tqdm, of the plug-in that limits a test's time, and of MediaPipe's detectors, which last as long as
what holds them (our own pools have names)."""


_kept_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
_kept_children: set[int] = set()
"""Of fixtures of a wider scope than one test."""


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
    """A test may ask for a fixture of a wider scope only while it runs."""
    if fixturedef.scope == "function":
        return (yield)
    before = threads(), children()
    try:
        return (yield)
    finally:
        _kept_threads.update(threads() - before[0])
        _kept_children.update(children().keys() - before[1].keys())


def keep_child(pid: int) -> None:
    """A process that a fixture of a wider scope started again may stay."""
    _kept_children.add(pid)


def threads() -> set[threading.Thread]:
    """The threads that Python started and that are not meant to last."""
    return {
        thread
        for thread in threading.enumerate()
        # A native thread that once called into Python counts as a dummy for ever.
        if not isinstance(thread, threading._DummyThread) and not thread.name.startswith(LASTING)
    }


def children(parent: int | None = None) -> dict[int, str]:
    """The process ids of a process's children and how they were called, of this one by default; where there
    is no /proc, only those of `multiprocessing`."""
    found = dict[int, str]()
    if parent is None:
        found = {child.pid: child.name for child in multiprocessing.active_children() if child.pid}
    for tasks in Path(f"/proc/{parent or 'self'}/task").glob("*/children"):
        try:
            pids = [int(pid) for pid in tasks.read_text().split()]
        except (OSError, ValueError):
            # The thread has ended meanwhile.
            continue
        found |= {pid: called for pid in pids if (called := command(pid))}
    return found


def command(pid: int) -> str:
    """How a process was called; "" if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def left_behind(before_threads: set[threading.Thread], before_children: dict[int, str]) -> list[str]:
    """What has been started since and still runs."""
    late = [f"the thread {thread.name}" for thread in threads() - before_threads - set(_kept_threads)]
    # The helpers of multiprocessing itself live as long as the process.
    return late + [
        f"the process {pid} ({called[:100]})"
        for pid, called in children().items()
        if pid not in before_children.keys() | _kept_children and "multiprocessing" not in called
    ]


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """The first fixture of a test to be set up and the last to be torn down."""
    started = os.getpid(), threads(), children()
    yield
    if os.getpid() != started[0]:
        # A forked copy of the test.
        return
    deadline = time.monotonic() + PATIENCE_S
    while (left := left_behind(*started[1:])) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left, f"{request.node.name} left behind {', '.join(sorted(left))}"
