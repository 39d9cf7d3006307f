"""`emolive report RECORDING`"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from emolive.atomic_io import atomic_text_file, ensure_writable
from emolive.cli.config import Arg


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Write the report of a recorded session as one HTML file: shares, timeline and longest spans.

    The file needs no network. Without --pictures it contains no picture of the person.
    """

    recording: Annotated[Path, Arg(positional=True, metavar="RECORDING")]
    """The folder of a recording (`emolive run --record DIR`, or the key in the window)."""
    out: Annotated[Path | None, Arg(metavar="FILE")] = None
    """The file. Default: report.html in the recording's folder."""
    pictures: bool = False
    """Embed pictures of the longest spans."""
    overwrite: bool = False
    """Replace the file if it exists."""


def report(options: ReportOptions) -> int:
    """Write the report."""
    from emolive.recording.folder import read_recording
    from emolive.recording.report import report_html
    from emolive.recording.spans import load_spans, spans_path
    from emolive.user_output import check_replaceable

    out = options.out or options.recording / "report.html"
    recording = read_recording(options.recording)
    check_replaceable(out, allowed=options.overwrite)
    ensure_writable(out)
    text = report_html(recording, load_spans(spans_path(options.recording)), pictures=options.pictures)
    with atomic_text_file(out) as file:
        file.write(text)
    sys.stdout.write(f"The report is in {out}.\n")
    return 0
