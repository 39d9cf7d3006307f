"""Maps a function over items in several processes, with the results in the order of the items."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from emolive.errors import EmoliveError
from emolive.plugins import load_plugin, loaded_plugins

ITEMS_PER_WORKER = 2
"""Items submitted per process: bounds how many results wait for a slow item before them."""

Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)
Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerFactory(Protocol, Generic[Item_contra, Result_co]):
    """Builds a worker inside its process. It must be picklable; the worker need not be."""

    def build(self) -> Callable[[Item_contra], Result_co]:
        """The worker: a function of one item."""
        ...


class Stopped(KeyboardInterrupt):
    """A run was interrupted. Its results so far are saved; the message has their number."""


def default_workers() -> int:
    """One process fewer than there are cores, but at least one."""
    return max(1, (os.cpu_count() or 2) - 1)


def map_ordered(
    factory: WorkerFactory[Item, Result], items: Iterable[Item], workers: int
) -> Generator[Result, None, None]:
    """The results of a worker for each item, in the order of the items.

    When the generator is closed, items in progress are finished and no others are started. If this process is
    killed, its workers end with it.

    Args:
        factory: builds the worker in each process.
        items: consumed as they are needed.
        workers: processes beside this one; 0 runs everything in this one.

    Raises:
        EmoliveError: raised by a worker, or a worker process died.
    """
    if workers == 0:
        with _one_thread():
            worker = factory.build()
            for item in items:
                yield worker(item)
        return
    context = get_context("spawn")
    stop = context.Event()
    # The factory is unpickled only after the plug-ins are loaded, since it may be of a class in one.
    arguments = (loaded_plugins(), pickle.dumps(factory), stop)
    pool = ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=arguments)
    pending: deque[Future[Any]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(_run_worker, item))
            if len(pending) >= ITEMS_PER_WORKER * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool:
        raise EmoliveError(
            "A worker process died, perhaps for lack of memory: run the same command again with fewer "
            "--workers; with --workers 0 it shows at which clip."
        ) from None
    finally:
        # Items in the pool's own queue cannot be cancelled, so the workers skip them.
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _one_thread() -> Iterator[None]:
    """The processes use the cores already, and one thread gives the same bits on every machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


_worker: Callable[[Any], Any] | None = None
_stop: Event | None = None


def _start_worker(plugins: Sequence[Path], pickled_factory: bytes, stop: Event) -> None:
    import torch

    global _worker, _stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    # The runtime of the face detector writes to the C level's stderr and would break the progress bar.
    sys.stderr.flush()
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
    torch.set_num_threads(1)
    for path in plugins:
        load_plugin(path)
    _worker, _stop = pickle.loads(pickled_factory).build(), stop


def _exit_with_parent() -> None:
    """A parent that is killed cannot shut down its workers."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _run_worker(item: Any) -> Any:
    assert _worker is not None
    assert _stop is not None
    return None if _stop.is_set() else _worker(item)


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt, as Ctrl-C does. Without effect outside the main thread."""

    def interrupt(number: int, stack: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
