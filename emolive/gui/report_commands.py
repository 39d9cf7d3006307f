"""The command that saves a report: of the file or recording that is open, else of the last recording."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from emolive.atomic_io import atomic_text_file
from emolive.capture.recording_folder import is_recording
from emolive.gui.i18n import tr
from emolive.gui.open_file import OpenFile
from emolive.gui.recording_commands import RecordingCommands
from emolive.gui.tasks import TaskRunner
from emolive.recording.folder import default_parent, free_file, read_recording, safe_name
from emolive.recording.report import report_html
from emolive.recording.report_subject import ReportSubject, file_subject, recording_subject
from emolive.recording.spans import load_spans, spans_path
from emolive.snapshot import PlaybackState


class ReportCommands:
    """To be used from the GUI thread; reports are written in the background.

    Args:
        file: the file that is open.
        recordings: knows what was recorded last.
        tasks: writes files.
        show_message: shows a passing sentence.
    """

    def __init__(
        self,
        file: OpenFile,
        recordings: RecordingCommands,
        tasks: TaskRunner,
        show_message: Callable[[str], None],
    ) -> None:
        self._file, self._recordings = file, recordings
        self._tasks, self._show_message = tasks, show_message

    def save(self, *, pictures: bool = False) -> None:
        """Save a report: in the folder of a recording, or among the user's videos for a file."""
        if self._recordings.running:
            self._show_message(tr("End the recording first."))
            return
        opened, playback = self._file.path, self._file.playback
        recording = opened if opened is not None and is_recording(opened) else None
        if recording is None and (opened is None or playback is None):
            recording = self._recordings.last
        if recording is not None:
            self._write(recording, lambda: recording_subject(read_recording(recording)), pictures)
        elif opened is not None and playback is not None:
            self._write(opened, _subject_maker(opened, playback, self._file.person), pictures)
        else:
            self._show_message(tr("Open a file or a recording, or record something first."))

    def _write(self, source: Path, subject: Callable[[], ReportSubject], pictures: bool) -> None:
        def save() -> Path:
            text = report_html(subject(), load_spans(spans_path(source)), pictures=pictures)
            if is_recording(source):
                path = free_file(source, "report", ".html")
            else:
                path = free_file(default_parent() / "reports", safe_name(source.name)[:80], ".html")
            with atomic_text_file(path) as file:
                file.write(text)
            return path

        self._tasks.submit(
            save,
            lambda path: self._show_message(tr("The report is in {path}.", path=path)),
            self._show_message,
        )


def _subject_maker(path: Path, playback: PlaybackState, person: str) -> Callable[[], ReportSubject]:
    """The file with the estimates of now: the track grows on, and is another one after a change of model."""
    estimates, analysing = tuple(playback.track), playback.analysing
    return lambda: file_subject(path, estimates, person=person, analysing=analysing)
