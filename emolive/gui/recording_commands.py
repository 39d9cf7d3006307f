"""The commands of recordings: begin, end, open, a snapshot."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from emolive.capture.recording_folder import is_recording
from emolive.errors import OutputError
from emolive.gui.controller import SessionController
from emolive.gui.i18n import tr
from emolive.gui.strings import session_text
from emolive.gui.tasks import TaskRunner
from emolive.recording.folder import default_parent, free_file
from emolive.snapshot import RecordingState

if TYPE_CHECKING:
    from emolive.playback.app_session import AppSession


class RecordingCommands:
    """To be used from the GUI thread; files are written in the background.

    Args:
        window: is grabbed for snapshots.
        controller: of the session.
        tasks: writes files.
        show_message: shows a passing sentence.
        open_source: opens a source.
        parent: where recordings are created; None for the user's videos.
    """

    def __init__(
        self,
        window: QWidget,
        controller: SessionController,
        tasks: TaskRunner,
        *,
        show_message: Callable[[str], None],
        open_source: Callable[[str], None],
        parent: Path | None,
    ) -> None:
        self._window, self._controller, self._tasks = window, controller, tasks
        self._show_message, self._open_source = show_message, open_source
        self._parent = parent
        self._recording: RecordingState | None = None
        self.last: Path | None = None
        """The folder of what was recorded last."""

    @property
    def running(self) -> bool:
        """Whether a recording runs."""
        return self._recording is not None and self._recording.running

    def toggle(self) -> None:
        """Begin or end a recording."""

        def toggle(session: AppSession) -> None:
            # When its turn comes: a recording that was asked for before may have to be created still.
            recording = session.snapshot().recording
            if recording is not None and recording.running:
                session.stop_recording()
            else:
                session.start_recording(self._parent)

        self._controller.submit(toggle)

    def open_last(self) -> None:
        """Play what was recorded last."""
        if self.running:
            self._show_message(tr("End the recording first."))
        elif self.last is None or not is_recording(self.last):
            self._show_message(tr("Nothing was recorded yet: press E to begin."))
        else:
            self._open_source(str(self.last))

    def save_snapshot(self) -> None:
        """Save a picture of the window as PNG: into the recording that runs, or among the user's videos."""
        recording = self._recording
        folder = recording.folder if recording is not None and recording.running else default_parent()
        image = self._window.grab().toImage()

        def save() -> Path:
            path = free_file(folder, f"emolive_{datetime.now():%Y-%m-%d_%H-%M-%S}", ".png")
            if not image.save(str(path)):
                raise OutputError(f"{path} cannot be written: check the disk.")
            return path

        self._tasks.submit(
            save,
            lambda path: self._show_message(tr("The picture is in {path}.", path=path)),
            self._show_message,
        )

    def follow(self, recording: RecordingState | None) -> None:
        """Notice the end of a recording, and say where it is."""
        before, self._recording = self._recording, recording
        if before is None or not before.running or (recording is not None and recording.running):
            return
        # Without a state the source was changed to a file, which ends a recording.
        self.last = before.folder
        if recording is not None and recording.problem:
            self._show_message(session_text(recording.problem))
        else:
            self._show_message(tr("The recording is in {path}. Ctrl+R opens it.", path=before.folder))
