"""A session without a window, and the file that its estimates are written to."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Literal, TextIO

from emolive.atomic_io import ensure_writable
from emolive.cli.commands import output_errors, report
from emolive.cli.interrupts import early_exit
from emolive.cli.no_estimate import NoEstimate
from emolive.clock import now_ns, to_ns
from emolive.errors import CheckpointError, OutputError
from emolive.session.config import SessionConfig
from emolive.sinks.jsonl import JsonlSink
from emolive.snapshot import RecordingState, Snapshot
from emolive.types import Estimate, Status

POLL_S = 0.05
STOP_S = 1.5
"""A device or a reader that hangs does not keep the process for longer."""
DEVICES = ("camera", "microphone")
REPORTED = (*DEVICES, "model")
"""Status sources whose problems are reported on stderr."""


class EstimateWriter:
    """Writes estimates as JSON lines; subscribe it to a session.

    The file is opened with the first estimate, so that a session that fails to start does not empty an older
    file.

    Args:
        path: the file; None for the terminal.
        append: write behind what is in the file; otherwise it is replaced.

    Raises:
        OutputError: there cannot be a file at `path`.
    """

    def __init__(self, path: Path | None, *, append: bool = False) -> None:
        if path is not None:
            ensure_writable(path)
        self._path = path
        self._mode: Literal["a", "w"] = "a" if append else "w"
        self._report: Callable[[str], None] | None = None
        self._stack = ExitStack()
        self._sink: JsonlSink | None = None
        self.error: OSError | None = None
        """Why nothing more is written."""
        self.n_written = 0
        self._is_writing = False

    def __enter__(self) -> EstimateWriter:
        return self

    def __exit__(self, *_: object) -> None:
        # An error of the file has been reported already, or another error is being raised.
        with suppress(OSError):
            self._stack.close()

    def __call__(self, estimate: Estimate) -> None:
        """Write an estimate; after an error nothing any more.

        Raises:
            OutputError: it cannot be written. Raised once; a session shows it for as long as it runs.
        """
        if self.error is not None:
            return
        self._is_writing = True
        try:
            self._open().write(estimate)
            self.n_written += 1
        except OSError as error:
            self.error = error
            text = (
                f"The estimates are not written any more ({error.strerror or error}): start again with "
                f"another file."
            )
            if self._report is not None:
                self._report(text)
            raise OutputError(text) from error
        finally:
            self._is_writing = False

    def report_problems(self, report: Callable[[str], None]) -> None:
        """Call `report` with a sentence, from the thread of the estimates, when they cannot be written."""
        self._report = report

    def finish(self) -> None:
        """End a session that ran: without any estimate, its file is empty.

        Raises:
            OutputError: an estimate could not be written, or nobody reads the output.
            BrokenPipeError: the reader of the output has closed it.
        """
        if self._is_writing:
            # A pipe without a reader: opening or writing it here would not return either.
            raise OutputError(f"The estimates cannot be written: nobody reads {self._path or 'the output'}.")
        with output_errors("The estimates"):
            if self.error is not None:
                raise self.error
            if self._sink is not None or self._path is None or self._is_file(self._path):
                self._open()
            self._stack.close()

    @staticmethod
    def _is_file(path: Path) -> bool:
        """Whether there is or can be a file: opening a pipe waits for its reader."""
        return path.is_file() or not path.exists()

    def _open(self) -> JsonlSink:
        if self._sink is None:
            out: TextIO = sys.stdout
            if self._path is not None:
                file = self._path.open(self._mode, encoding="utf-8", errors="backslashreplace")
                out = self._stack.enter_context(file)
            self._sink = JsonlSink(out)
        return self._sink


def run_headless(
    config: SessionConfig, duration_s: float | None, writer: EstimateWriter, *, record: Path | None = None
) -> int:
    """Run a session until its source ends.

    Args:
        config: the session.
        duration_s: stop this long after the model was loaded; None for no limit.
        writer: receives the estimates.
        record: record the session into a new folder in this one.

    Returns:
        0, or 2 if a device or stream never delivered anything, a file could not be read to its end, or the
        model never answered, as was reported on stderr.

    Raises:
        EmoliveError: the source or the model cannot be opened, or the estimates cannot be written.
    """
    with early_exit():
        from emolive.session.session import Session

    session = Session(config)
    subscription = session.subscribe(writer)
    reported: dict[str, str] = {}
    no_estimate = NoEstimate(config.source)
    deadline_ns = None
    snapshot = session.snapshot()
    try:
        session.start()
        if record is not None:
            # Before the first frame of a file, which waits for the model.
            session.start_recording(record)
        while not session.finished and writer.error is None:
            snapshot = session.snapshot()
            no_estimate.note(snapshot)
            _report_problems(snapshot, reported)
            if session.model_settled:
                _check_model(snapshot)
                if duration_s is not None and deadline_ns is None:
                    deadline_ns = now_ns() + to_ns(duration_s)
            if deadline_ns is not None and now_ns() >= deadline_ns:
                break
            if not config.paced and _failures(snapshot, DEVICES):
                # Whoever reads as fast as possible waits for an end, and this source will not come to one.
                break
            if record is not None and _has_failed(snapshot.recording):
                break
            time.sleep(POLL_S)
        snapshot = session.snapshot()
        _report_problems(snapshot, reported)
    finally:
        session.stop_recording()
        session.stop(STOP_S)
    writer.finish()
    if subscription.dropped:
        n = subscription.dropped
        report(f"{n} estimates were left out: the output was not read fast enough.")
    _report_recording(session.snapshot().recording)
    if _failures(snapshot, REPORTED) or _was_broken_off(snapshot):
        return 2
    if not writer.n_written:
        report(no_estimate.sentence(snapshot))
    return 0


def _report_recording(recording: RecordingState | None) -> None:
    if recording is None:
        return
    if recording.problem:
        raise OutputError(f"{recording.problem.rstrip('.')}; what is there is in {recording.folder}.")
    sys.stderr.write(f"emolive: The recording is in {recording.folder}.\n")


def _has_failed(recording: RecordingState | None) -> bool:
    return recording is not None and bool(recording.problem)


def _check_model(snapshot: Snapshot) -> None:
    """CheckpointError if there is no model to run."""
    for status in snapshot.statuses:
        if status.source == "model" and status.level == "error" and not snapshot.fusion:
            raise CheckpointError(status.text)


def _failures(snapshot: Snapshot, sources: tuple[str, ...]) -> list[Status]:
    """What was asked for and never came: frames, sound, answers; each was reported as an error."""
    counters = snapshot.counters
    came = {
        "camera": counters.frames_captured > 0,
        "microphone": snapshot.audio_age_s is not None,
        "model": counters.estimates > 0,
    }
    errors = [status for status in snapshot.statuses if status.level == "error" and status.source in sources]
    # A damaged file has delivered what it holds.
    return [status for status in errors if not came[status.source] and status.code != "damaged"]


def _was_broken_off(snapshot: Snapshot) -> bool:
    """Whether a file was not read any further; one that is damaged and was read all the same is a warning."""
    return any(status.level == "error" and status.code == "damaged" for status in snapshot.statuses)


def _report_problems(snapshot: Snapshot, reported: dict[str, str]) -> None:
    """Report new problems on stderr: a missing modality, a lost device."""
    for status in snapshot.statuses:
        if status.source in REPORTED and reported.get(status.source) != status.text:
            # A file's video and sound end with the same sentence.
            is_news = status.text not in reported.values()
            reported[status.source] = status.text
            if status.level != "ok" and is_news:
                report(status.text)
