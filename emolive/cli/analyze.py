"""`emolive analyze FILE...`"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from emolive.capture.av_offset import MAX_OFFSET_MS
from emolive.cli.commands import output_errors, report
from emolive.cli.config import Arg, Range, Registered
from emolive.cli.model_options import ModelOptions
from emolive.errors import ConfigError, EmoliveError, OutputError
from emolive.plugins import SINKS
from emolive.user_output import check_replaceable, reserved

if TYPE_CHECKING:
    from emolive.file_analyzer import FileAnalyzer
    from emolive.sinks import ResultSink


@dataclass(frozen=True, kw_only=True)
class AnalyzeOptions(ModelOptions):
    """Analyse media files: one row per estimate (every 240 ms), then a summary row per file.

    Files that cannot be read are reported on stderr and skipped; the exit code is then 2.
    """

    files: Annotated[tuple[Path, ...], Arg(positional=True, metavar="FILE")]
    """Media files with a face or a voice."""
    format: Annotated[str | None, Registered(SINKS), Arg(metavar="FORMAT")] = None
    """Output format: jsonl, csv, table or one of a plug-in. Default: a table in a terminal, else jsonl."""
    out: Annotated[Path | None, Arg(metavar="FILE")] = None
    """Write to this file instead of the terminal. It is there once the analysis is complete."""
    overwrite: bool = False
    """Replace the file of --out if it exists."""
    neutral: Annotated[tuple[Path, ...], Arg(metavar="FILE")] = ()
    """Clips of the same person with a neutral expression, used as the neutral baseline."""
    same_person: bool = False
    """The files show the same person, so that the running baseline continues from file to file."""

    av_offset_ms: Annotated[float, Range(-MAX_OFFSET_MS, MAX_OFFSET_MS), Arg(metavar="MS")] = 0.0
    """Move the sound by so many milliseconds to later times against the picture, for files out of step."""

    def __post_init__(self) -> None:
        if self.neutral and self.baseline not in (None, "neutral"):
            raise ConfigError(
                f"--neutral sets the neutral baseline and cannot be combined with --baseline {self.baseline}."
            )
        if self.out is not None and self.out.is_file():
            for path in (*self.files, *self.neutral):
                if path.is_file() and path.samefile(self.out):
                    raise ConfigError(f"--out {self.out} is one of the input files: choose another.")


def analyze(options: AnalyzeOptions) -> int:
    """Write rows for every file that can be read; 2 if one could not."""
    if options.out is not None:
        check_replaceable(options.out, allowed=options.overwrite)
    import torch

    from emolive.file_analyzer import FileAnalyzer
    from emolive.predictor import load_predictor
    from emolive.session.config import DEFAULT_BASELINE, DEFAULT_PERSON

    # For networks of this size a second thread mostly waits for the first.
    torch.set_num_threads(1)
    predictor = load_predictor(options.fusion, options.checkpoint, options.device, options.backend)
    if predictor.runtime.fallback_reason:
        report(predictor.runtime.fallback_reason)
    if predictor.spec.limits:
        report(predictor.spec.limits)
    baseline = "neutral" if options.neutral else options.baseline or DEFAULT_BASELINE
    with FileAnalyzer(
        predictor,
        baseline=baseline,
        person=options.person or DEFAULT_PERSON,
        same_person=options.same_person,
        on_corruption=report,
        av_offset_ns=round(options.av_offset_ms * 1e6),
    ) as analyzer:
        if baseline == "neutral" and not (options.neutral or analyzer.has_saved_baseline):
            person = options.person or DEFAULT_PERSON
            report(f"There is no saved neutral baseline of {person}: --neutral FILE measures one.")
        for path in options.neutral:
            analyzer.calibrate(path)
        name = options.format or ("table" if options.out is None and sys.stdout.isatty() else "jsonl")
        with reserved(options.out), SINKS.get(name)(options.out) as sink:
            return _analyze_files(options.files, analyzer, sink)


def _analyze_files(files: tuple[Path, ...], analyzer: FileAnalyzer, sink: ResultSink) -> int:
    failed = False
    for path in files:
        try:
            for estimate in analyzer.analyze(path):
                with output_errors("The rows"):
                    sink.write(estimate)
        except OutputError:
            raise
        except EmoliveError as error:
            failed = True
            report(str(error))
    return 2 if failed else 0
