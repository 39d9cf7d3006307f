"""Clips worked on by several processes, with the results in the order of the clips."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from multiprocessing.synchronize import Event
from typing import Any, Generic, Protocol, TypeVar

import torch

from emolive.errors import EmoliveError

AHEAD = 2
"""Clips handed out for each process: what waits for a slow one before it is bounded by this."""

Clip_contra = TypeVar("Clip_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)
Clip = TypeVar("Clip")
Result = TypeVar("Result")


class WorkerFactory(Protocol, Generic[Clip_contra, Result_co]):
    """What a process needs to build its own worker; it can be pickled."""

    def build(self) -> Callable[[Clip_contra], Result_co]: ...


class Stopped(KeyboardInterrupt):
    """A run was stopped; what is done is kept. `str()` says how far it got."""


def default_workers() -> int:
    """One process less than there are cores, and at least one."""
    return max(1, (os.cpu_count() or 2) - 1)


def work(
    recipe: WorkerFactory[Clip, Result], clips: Iterable[Clip], workers: int
) -> Generator[Result, None, None]:
    """What a worker makes of each clip, in the order of the clips.

    When the iterator is closed, clips that are under way are finished and no others are begun.

    Args:
        recipe: builds a worker.
        clips: what to work on; taken as they are needed.
        workers: processes beside this one; 0 does all in this one.

    Raises:
        EmoliveError: what a worker raised, or that a process died.
    """
    if workers == 0:
        with _one_thread():
            worker = recipe.build()
            for clip in clips:
                yield worker(clip)
        return
    context = get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(workers, context, initializer=_start, initargs=(recipe, stop))
    waiting: deque[Future[Any]] = deque()
    try:
        for clip in clips:
            waiting.append(pool.submit(_one, clip))
            if len(waiting) >= AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise EmoliveError(
            "A worker process died, perhaps for lack of memory: run the same command again with fewer "
            "--workers; --workers 0 shows at which clip it happens."
        ) from None
    finally:
        # What the pool has queued cannot be taken back, so it is told to the workers.
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes share the cores by themselves; and one thread gives the same bits on any machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


_worker: Callable[[Any], Any] | None = None
_stop: Event | None = None


def _start(recipe: WorkerFactory[Any, Any], stop: Event) -> None:
    global _worker, _stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # The face detector's runtime writes to the C level's stderr, through the progress bar.
    sys.stderr.flush()
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 2)
    os.close(silent)
    torch.set_num_threads(1)
    _worker, _stop = recipe.build(), stop


def _end_with_parent() -> None:
    """A killed parent cannot tell its workers to end."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _one(clip: Any) -> Any:
    assert _worker is not None
    assert _stop is not None
    return None if _stop.is_set() else _worker(clip)


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """SIGTERM stops as Ctrl-C does; only a main thread can be asked so."""

    def stop(number: int, stack: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)
