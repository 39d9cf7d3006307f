"""Processes all clips of a data set in parallel. An interrupted run continues where it was stopped."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from rich.console import Console

from emolive.process_stats import peak_rss_bytes
from emolive.quantities import duration_text, size_text
from preprocessing.annotations import ClipEntry
from preprocessing.clip_processor import ClipProcessor, source_state
from preprocessing.estimate import Stopwatch, folder_bytes, spread
from preprocessing.output import OutputFolder
from preprocessing.progress import ProgressBar
from preprocessing.records import DatasetIndex, PreprocessConfig, Step
from preprocessing.worker_pool import Stopped, map_ordered, sigterm_as_interrupt

SAMPLE = 3
"""Clips that an estimate is measured on."""


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
class RunEstimate:
    """What a run will take, measured on a few clips."""

    sampled: int
    clips: int
    clip_s: float
    """In one process."""
    clip_bytes: float
    memory_bytes: int | None
    """Of a process; None where the system does not report it."""

    def sentence(self, workers: int) -> str:
        """For people."""
        processes = max(1, workers)
        memory = "" if self.memory_bytes is None else f", {size_text(self.memory_bytes)} of memory for each"
        return (
            f"They take about {duration_text(self.clips * self.clip_s / processes)} "
            f"({duration_text(self.clip_s)} a clip, processes: {processes}{memory}) and "
            f"{size_text(self.clips * self.clip_bytes)} of disk, measured on {self.sampled} of them "
            f"under the present load."
        )


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


def estimate(
    root: Path, clips: list[ClipEntry], config: PreprocessConfig, steps: tuple[Step, ...]
) -> RunEstimate:
    """Process a few of the clips into a temporary folder; arguments as for `run`."""
    sample, watch = spread(clips, SAMPLE), Stopwatch()
    with TemporaryDirectory(prefix="emolive-") as folder:
        watch.start(len(sample))
        for _ in map_ordered(ClipProcessorFactory(root, Path(folder), config, steps), sample, 0):
            watch.advance()
        clip_bytes = folder_bytes(Path(folder)) / len(sample)
    return RunEstimate(len(sample), len(clips), watch.step_s, clip_bytes, peak_rss_bytes())


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
