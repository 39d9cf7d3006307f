"""All clips of a folder, several at a time; stopped at any point, the same command goes on."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeft
from rich.text import Text

from emolive.cv import cv2
from emolive.errors import EmoliveError
from preprocessing.annotations import Item
from preprocessing.clip import ClipCutter, source_state
from preprocessing.output import Output
from preprocessing.records import Cut, Scan, Step


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did."""

    done: int
    """Clips cut by this run."""
    known: int
    """Clips that an earlier run had done."""
    elapsed_s: float

    @property
    def rate_hz(self) -> float:
        """Clips a second."""
        return self.done / self.elapsed_s if self.elapsed_s > 0 else 0.0


class Stopped(KeyboardInterrupt):
    """A run was stopped; what is done is kept. `str()` says how far it got."""


def default_workers() -> int:
    """One process less than there are cores, and at least one."""
    return max(1, (os.cpu_count() or 2) - 1)


def unfinished(root: Path, output: Output, scan: Scan, steps: tuple[Step, ...]) -> list[Item]:
    """The clips that still are to be cut: new, changed, or with files that are gone."""
    left = []
    for clip in scan.clips:
        record = output.record(clip.id)
        done = (
            record is not None
            and record.is_of(clip, source_state(root, clip))
            and set(steps) <= set(record.steps)
            and not any(output.damaged(record, thorough=False))
        )
        if not done:
            left.append(clip)
    return left


def run(
    root: Path,
    output: Output,
    scan: Scan,
    cut: Cut,
    steps: tuple[Step, ...],
    *,
    workers: int,
    console: Console,
) -> Outcome:
    """Cut every clip that is not yet done.

    Args:
        root: what the clips' paths start from.
        output: where to.
        scan: which clips.
        cut: what to cut out of each.
        steps: faces, audio or both.
        workers: processes beside this one; 0 does all in this one.
        console: for the progress bar.

    Raises:
        Stopped: on Ctrl-C or SIGTERM; a later run goes on from there.
        EmoliveError: OUT cannot be written, or holds clips of another cut.
    """
    output.clear_parts()
    output.save_plan(cut, scan)
    left = unfinished(root, output, scan, steps)
    known = len(scan.clips) - len(left)
    began = monotonic()
    done = 0
    bar = Progress(
        TextColumn("Clips"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeLeft(),
        TextColumn("left"),
        console=console,
    )
    try:
        with _terminable(), bar:
            task = bar.add_task("", total=len(left))
            for _ in _cut_all(ClipArguments(root, output.root, cut, steps), left, workers):
                done += 1
                bar.advance(task)
    except KeyboardInterrupt:
        kept = len(scan.clips) - len(unfinished(root, output, scan, steps))
        raise Stopped(
            f"Stopped: {kept} of {len(scan.clips)} clips are done. Run the same command again to go on."
        ) from None
    return Outcome(done, known, monotonic() - began)


@dataclass(frozen=True, slots=True)
class ClipArguments:
    """What a worker needs to build its own `ClipCutter`."""

    root: Path
    output: Path
    cut: Cut
    steps: tuple[Step, ...]

    def build(self) -> ClipCutter:
        import torch

        # Workers share the cores by themselves; and one thread gives the same bits on any machine.
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        return ClipCutter(self.root, Output(self.output), self.cut, self.steps)


def _cut_all(arguments: ClipArguments, clips: list[Item], workers: int) -> Iterator[None]:
    """Cut clips, yielding as each is done."""
    if not clips:
        return
    if workers == 0:
        cutter = arguments.build()
        for clip in clips:
            cutter(clip)
            yield
        return
    pool = ProcessPoolExecutor(
        min(workers, len(clips)), get_context("spawn"), initializer=_start_worker, initargs=(arguments,)
    )
    try:
        waiting = iter(clips)
        # No more than are worked on: what the pool has queued could not be taken back at a stop.
        busy: set[Future[None]] = {pool.submit(_cut_one, clip) for clip in islice(waiting, workers)}
        while busy:
            finished, busy = wait(busy, return_when=FIRST_COMPLETED)
            busy |= {pool.submit(_cut_one, clip) for clip in islice(waiting, len(finished))}
            for future in finished:
                future.result()
                yield
    except BrokenProcessPool:
        raise EmoliveError(
            "A worker process died, perhaps for lack of memory: run the same command again with fewer "
            "--workers; --workers 0 shows at which clip it happens."
        ) from None
    finally:
        # Clips that are under way are finished: seconds, and nothing is left half done.
        pool.shutdown(wait=True, cancel_futures=True)


_cutter: ClipCutter | None = None


def _start_worker(arguments: ClipArguments) -> None:
    global _cutter  # noqa: PLW0603 - a worker process has one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # The face detector's runtime writes to the C level's stderr, through the progress bar.
    sys.stderr.flush()
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 2)
    os.close(silent)
    _cutter = arguments.build()


def _end_with_parent() -> None:
    """A killed parent cannot tell its workers to end."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _cut_one(clip: Item) -> None:
    assert _cutter is not None
    _cutter(clip)


@contextmanager
def _terminable() -> Iterator[None]:
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


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.2f} clips/s" if task.speed else "- clips/s")
