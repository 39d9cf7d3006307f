"""Processes all clips of a data set in parallel. An interrupted run continues where it was stopped."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from rich.console import Console

from preprocessing.annotations import ClipEntry
from preprocessing.clip_processor import ClipProcessor, source_state
from preprocessing.output import OutputFolder
from preprocessing.progress import ProgressBar
from preprocessing.records import DatasetIndex, PreprocessConfig, Step
from preprocessing.worker_pool import Stopped, map_ordered, sigterm_as_interrupt


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The result of a run."""

    processed: int
    """Clips processed by this run."""
    reused: int
    """Clips that an earlier run had processed."""
    elapsed_s: float

    @property
    def clips_per_s(self) -> float:
        """Throughput of this run."""
        return self.processed / self.elapsed_s if self.elapsed_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class ClipProcessorFactory:
    """Builds a `ClipProcessor` in each worker process."""

    root: Path
    output: Path
    config: PreprocessConfig
    steps: tuple[Step, ...]

    def build(self) -> ClipProcessor:
        """The worker of one process."""
        return ClipProcessor(self.root, OutputFolder(self.output), self.config, self.steps)


def unfinished(
    root: Path, output: OutputFolder, index: DatasetIndex, steps: tuple[Step, ...]
) -> list[ClipEntry]:
    """The clips that must be processed: new or changed ones, and those whose files are missing."""
    clips = []
    for clip in index.clips:
        record = output.record(clip.id)
        done = (
            record is not None
            and record.matches(clip, source_state(root, clip))
            and set(steps) <= set(record.steps)
            and not any(output.damaged_files(record, thorough=False))
        )
        if not done:
            clips.append(clip)
    return clips


def run(
    root: Path,
    output: OutputFolder,
    index: DatasetIndex,
    config: PreprocessConfig,
    steps: tuple[Step, ...],
    *,
    workers: int,
    console: Console,
) -> RunSummary:
    """Process every clip that is not done yet.

    Args:
        root: the folder that the clips' paths are relative to.
        output: the folder to write to.
        index: the clips.
        config: the configuration of the extraction.
        steps: faces, audio or both.
        workers: processes beside this one; 0 runs everything in this one.
        console: for the progress bar.

    Raises:
        Stopped: on Ctrl-C or SIGTERM.
        OutputError: the output folder cannot be written to.
        ConfigError: it holds clips of another configuration.
    """
    output.remove_stale_parts()
    output.save_plan(config, index)
    remaining = unfinished(root, output, index, steps)
    start_s = monotonic()
    try:
        with sigterm_as_interrupt(), ProgressBar(console, "Processing", "clips") as bar:
            bar.start(len(remaining))
            factory = ClipProcessorFactory(root, output.root, config, steps)
            results = map_ordered(factory, remaining, min(workers, len(remaining)))
            with closing(results):
                for _ in results:
                    bar.advance()
    except KeyboardInterrupt:
        done = len(index.clips) - len(unfinished(root, output, index, steps))
        raise Stopped(
            f"Stopped: {done} of {len(index.clips)} clips are done. Run the same command again to continue."
        ) from None
    return RunSummary(len(remaining), len(index.clips) - len(remaining), monotonic() - start_s)
