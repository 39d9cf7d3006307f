"""`emolive analyze FILE...`"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from emolive.capture.av_offset import MAX_OFFSET_MS
from emolive.capture.tracks import TrackChoice
from emolive.cli.commands import output_errors, report
from emolive.cli.config import Arg, Range, Registered
from emolive.cli.file_analysis import open_analyzer, progress_bar
from emolive.cli.model_options import ModelOptions
from emolive.errors import ConfigError, EmoliveError, OutputError
from emolive.plugins import SINKS
from emolive.session.config import DEFAULT_BASELINE, DEFAULT_PERSON
from emolive.user_output import check_replaceable, reserved

if TYPE_CHECKING:
    from emolive.capture.container import Media
    from emolive.file_analyzer import FileAnalyzer
    from emolive.sinks import ResultSink

STDIN = "-"


@dataclass(frozen=True, kw_only=True)
class AnalyzeOptions(ModelOptions):
    """Analyse media files: one row per estimate (every 240 ms), then a summary row per file.

    Files that cannot be read are reported on stderr and skipped; the exit code is then 2.
    """

    files: Annotated[tuple[str, ...], Arg(positional=True, metavar="FILE")]
    """Media files with a face or a voice, http(s) addresses of such, or - for standard input."""
    track: Annotated[str, Arg(metavar="N")] = ""
    """Which of several tracks to use, counted from 1: N or audio:N for the sound, video:N for the picture,
    both with a comma between. Default: what the file marks as its default, else the first."""
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
        TrackChoice.parse(self.track)
        if self.out is not None and self.out.is_file():
            for path in (*map(Path, self.files), *self.neutral):
                if path.is_file() and path.samefile(self.out):
                    raise ConfigError(f"--out {self.out} is one of the input files: choose another.")


def analyze(options: AnalyzeOptions) -> int:
    """Write rows for every file that can be read; 2 if one could not."""
    if options.out is not None:
        check_replaceable(options.out, allowed=options.overwrite)
    baseline = "neutral" if options.neutral else options.baseline or DEFAULT_BASELINE
    with open_analyzer(
        options,
        baseline,
        same_person=options.same_person,
        tracks=TrackChoice.parse(options.track),
        av_offset_ns=round(options.av_offset_ms * 1e6),
    ) as analyzer:
        if baseline == "neutral" and not (options.neutral or analyzer.has_saved_baseline):
            person = options.person or DEFAULT_PERSON
            report(f"There is no saved neutral baseline of {person}: --neutral FILE measures one.")
        for path in options.neutral:
            analyzer.calibrate(path)
        name = options.format or ("table" if options.out is None and sys.stdout.isatty() else "jsonl")
        with reserved(options.out), SINKS.get(name)(options.out) as sink:
            # A bar between the rows of a table on the same terminal would be no help.
            progress = sys.stderr.isatty() and (options.out is not None or not sys.stdout.isatty())
            return _analyze_files(options.files, analyzer, sink, progress)


def _analyze_files(files: tuple[str, ...], analyzer: FileAnalyzer, sink: ResultSink, progress: bool) -> int:
    failed = False
    for file in files:
        try:
            with _readable(file) as media, progress_bar(str(media) if progress else None) as on_progress:
                for estimate in analyzer.analyze(media, on_progress):
                    with output_errors("The rows"):
                        sink.write(replace(estimate, source=STDIN) if file == STDIN else estimate)
        except OutputError:
            raise
        except EmoliveError as error:
            failed = True
            report(str(error))
    return 2 if failed else 0


@contextmanager
def _readable(file: str) -> Iterator[Media]:
    """What an argument names; standard input is first copied to a file, since it is read more than once."""
    from emolive.capture.container import media_of

    if file != STDIN:
        yield media_of(os.path.expanduser(file))  # noqa: PTH111 ("~nobody" stays as it is)
        return
    if sys.stdin.isatty():
        raise ConfigError("Standard input is the keyboard: name a file, or pipe one into emolive analyze -.")
    with tempfile.TemporaryDirectory(prefix="emolive-") as folder:
        copy = Path(folder) / "standard input"
        with copy.open("wb") as out, output_errors("A copy of standard input"):
            shutil.copyfileobj(sys.stdin.buffer, out)
        yield copy
