"""All clips of a folder, several at a time; stopped at any point, the same command goes on."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeft
from rich.text import Text

from preprocessing.annotations import ClipEntry
from preprocessing.clip_processor import ClipProcessor, source_state
from preprocessing.output import Output
from preprocessing.records import DatasetIndex, PreprocessConfig, Step
from preprocessing.worker_pool import Stopped, sigterm_as_interrupt, work


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


def unfinished(root: Path, output: Output, scan: DatasetIndex, steps: tuple[Step, ...]) -> list[ClipEntry]:
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
    scan: DatasetIndex,
    cut: PreprocessConfig,
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
    output.remove_stale_parts()
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
        with sigterm_as_interrupt(), bar:
            task = bar.add_task("", total=len(left))
            recipe = ClipArguments(root, output.root, cut, steps)
            with closing(work(recipe, left, min(workers, len(left)))) as cuts:
                for _ in cuts:
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
    """What a worker needs to build its own `ClipProcessor`."""

    root: Path
    output: Path
    cut: PreprocessConfig
    steps: tuple[Step, ...]

    def build(self) -> ClipProcessor:
        return ClipProcessor(self.root, Output(self.output), self.cut, self.steps)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.2f} clips/s" if task.speed else "- clips/s")
