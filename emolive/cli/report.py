"""`emolive report SOURCE`"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from emolive.atomic_io import atomic_text_file, ensure_writable
from emolive.cli.config import Arg
from emolive.cli.file_analysis import open_analyzer, progress_bar
from emolive.cli.model_options import ModelOptions
from emolive.errors import ConfigError
from emolive.session.config import DEFAULT_BASELINE, DEFAULT_PERSON
from emolive.user_output import check_replaceable

if TYPE_CHECKING:
    from emolive.recording.report_subject import ReportSubject


@dataclass(frozen=True, kw_only=True)
class ReportOptions(ModelOptions):
    """Write the report of a recording or a media file as one HTML file: shares, timeline, longest spans.

    A media file is analysed for it; a recording has its estimates. The report needs no network. Without
    --pictures it contains no picture of the person.
    """

    source: Annotated[Path, Arg(positional=True, metavar="SOURCE")]
    """The folder of a recording (`emolive run --record DIR`, or the key in the window), or a media file."""
    out: Annotated[Path | None, Arg(metavar="FILE")] = None
    """The file. Default: report.html in the recording's folder, or NAME_report.html beside a media file."""
    pictures: bool = False
    """Embed pictures of the longest spans."""
    overwrite: bool = False
    """Replace the file if it exists."""


def report(options: ReportOptions) -> int:
    """Write the report."""
    from emolive.recording.report import report_html
    from emolive.recording.spans import load_spans, spans_path

    source = options.source
    if source.is_dir():
        subject, default = _recording(options), source / "report.html"
    else:
        subject, default = None, source.with_name(f"{source.stem}_report.html")
    out = options.out or default
    if source.is_file() and out.is_file() and source.samefile(out):
        raise ConfigError(f"--out {out} is the input file: choose another.")
    check_replaceable(out, allowed=options.overwrite)
    ensure_writable(out)
    subject = subject or _analyzed(options)
    text = report_html(subject, load_spans(spans_path(source)), pictures=options.pictures)
    with atomic_text_file(out) as file:
        file.write(text)
    sys.stdout.write(f"The report is in {out}.\n")
    return 0


def _recording(options: ReportOptions) -> ReportSubject:
    from emolive.recording.folder import read_recording
    from emolive.recording.report_subject import recording_subject

    recording = read_recording(options.source)
    for option in fields(ModelOptions):
        if getattr(options, option.name) != option.default:
            raise ConfigError(
                f"--{option.name} is for media files; a recording has its estimates: "
                f"name its {recording.media.name} to analyse it anew."
            )
    return recording_subject(recording)


def _analyzed(options: ReportOptions) -> ReportSubject:
    from emolive.recording.report_subject import file_subject
    from emolive.types import FileSummary

    source = options.source
    title = source.name if sys.stderr.isatty() else None
    with (
        open_analyzer(options, options.baseline or DEFAULT_BASELINE) as analyzer,
        progress_bar(title) as on_progress,
    ):
        rows = analyzer.analyze(source, on_progress)
        estimates = [row for row in rows if not isinstance(row, FileSummary)]
    return file_subject(source, estimates, person=options.person or DEFAULT_PERSON)
