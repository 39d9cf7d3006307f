"""The commands of what is left behind: recordings, snapshots, reports, and the files that are played."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QWidget

from emolive.gui import strings
from emolive.gui.actions import Actions
from emolive.gui.controller import SessionController
from emolive.gui.file_queue import FileQueue
from emolive.gui.i18n import tr
from emolive.gui.open_file import OpenFile
from emolive.gui.recording_commands import RecordingCommands
from emolive.gui.report_commands import ReportCommands
from emolive.gui.services import FusionChoice
from emolive.gui.tasks import TaskRunner
from emolive.gui.transport_presenter import present_transport
from emolive.gui.widgets.media_panel import MediaPanel
from emolive.snapshot import PlaybackState, Snapshot

if TYPE_CHECKING:
    from emolive.playback.app_session import AppSession

_STEPS = (("Left", -5.0), ("Right", 5.0))
_SMALL_STEPS = (("Left", -0.24), ("Right", 0.24))
"""One window."""
_NEEDS_KEYS = (QAbstractButton, QComboBox, QLineEdit)
"""Use the space bar or the arrows themselves."""
N_LABEL_KEYS = 9
MAX_COMPARED = 3


class MediaCommands(QObject):
    """Binds the keys, asks the session, and shows `panel`. To be used from the GUI thread.

    Args:
        window: is grabbed for snapshots.
        controller: of the session.
        fusions: those that can be compared.
        show_message: shows a passing sentence.
        open_source: opens a source.
        record: record into a new folder in this one as soon as the session runs.
    """

    def __init__(
        self,
        window: QWidget,
        controller: SessionController,
        fusions: Sequence[FusionChoice],
        *,
        show_message: Callable[[str], None],
        open_source: Callable[[str], None],
        record: Path | None = None,
    ) -> None:
        super().__init__(window)
        self.panel = MediaPanel({each.name: strings.fusion_title(each.name, each.title) for each in fusions})
        self.queue = FileQueue()
        self._controller = controller
        self._fusions = tuple(fusion.name for fusion in fusions if not fusion.problem)
        self._show_message, self._open_source = show_message, open_source
        self._tasks = TaskRunner("emolive-gui-files")
        self.recordings = RecordingCommands(
            window, controller, self._tasks, show_message=show_message, open_source=open_source, parent=record
        )
        self.file = OpenFile(self._tasks, show_message)
        self.reports = ReportCommands(self.file, self.recordings, self._tasks, show_message)
        self._record_pending = record is not None
        self._comparing = bool(controller.config.comparison)
        self._snapshot: Snapshot | None = None
        self._faces_mentioned: str | None = None
        """The source for which it was said that there are several faces."""
        self._file_keys: tuple[QAction, ...] = ()
        """Keys that other widgets need while no file is open, or while they have the focus."""
        controller.command_failed.connect(self._skip_unplayable)
        transport = self.panel.transport
        transport.timeline.seeked.connect(self.seek)
        transport.play_toggled.connect(self.toggle_playing)
        transport.loop_toggled.connect(self.toggle_loop)
        transport.mark_in.connect(self.file.mark_in)
        transport.mark_out.connect(self.file.mark_out)
        transport.label_chosen.connect(self.file.label_span)
        transport.export_requested.connect(self.file.export)

    def add_actions(self, actions: Actions) -> None:
        """Add the menu entries and keys."""
        actions.add(tr("Record"), "E F9", self.recordings.toggle, tr("Begin or end a recording"))
        actions.add(tr("Snapshot"), "S", self.recordings.save_snapshot, tr("Save a picture of the window"))
        actions.add(tr("Open the last recording"), "Ctrl+R", self.recordings.open_last)
        what = tr("Save a report of the file or recording")
        actions.add(tr("Save a report"), "Ctrl+H", self.reports.save, what)
        actions.add(tr("Save a report with pictures"), "", partial(self.reports.save, pictures=True))
        actions.add(tr("Fusions side by side"), "X", self.toggle_comparison)
        actions.add(tr("Another face"), "A", self.choose_other_face, tr("Read another face"))
        actions.add_separator()
        play = actions.bind(tr("Play or pause a file"), "Space", self.toggle_playing)
        actions.describe("Left  Right", tr("Five seconds back or on"))
        actions.describe("Shift+Left  Shift+Right", tr("One window back or on"))
        back, on = (actions.bind("", f"{key}", partial(self.step, step)) for key, step in _STEPS)
        small = [actions.bind("", f"Shift+{key}", partial(self.step, step)) for key, step in _SMALL_STEPS]
        home = actions.bind(tr("Go to the beginning"), "Home", partial(self.seek, 0.0))
        self._file_keys = (play, back, on, *small, home)
        actions.bind(tr("Play in a loop"), "Ctrl+L", self.toggle_loop)
        actions.bind(tr("Sound on or off"), "Ctrl+M", self.toggle_muted)
        actions.bind(tr("Next file"), "Ctrl+N", self.play_next)
        actions.describe("[  ]", tr("Mark the beginning and end of a span"))
        actions.bind("", "[", self.file.mark_in)
        actions.bind("", "]", self.file.mark_out)
        actions.describe("Ctrl+1  …  Ctrl+9", tr("Give the marked span a label"))
        for number in range(N_LABEL_KEYS):
            actions.bind("", f"Ctrl+{number + 1}", partial(self.file.label_by_number, number))
        actions.bind(tr("Remove the span at the position"), "Delete", self.file.remove_span)
        actions.bind(tr("Export the spans for training"), "Ctrl+E", self.file.export)

    def show(self, snapshot: Snapshot) -> None:
        """Show a snapshot, and act on what has changed since the last one. To be called often."""
        self._snapshot = snapshot
        free = snapshot.playback is not None and not isinstance(QApplication.focusWidget(), _NEEDS_KEYS)
        for action in self._file_keys:
            action.setEnabled(free)
        source = self._controller.source_in_use if snapshot.playback is not None else ""
        self.file.follow(source, self._controller.config.person, snapshot.playback)
        if self._record_pending:
            self._record_pending = False
            self.recordings.toggle()
        self.recordings.follow(snapshot.recording)
        self._mention_faces(snapshot)
        following = self.queue.next_after(source, ended=snapshot.ended)
        if following is not None:
            self._open_source(following)
        estimates = () if snapshot.estimate is None else (snapshot.estimate, *snapshot.comparison)
        transport = present_transport(snapshot, self.file.spans, self.file.recorded, len(self.queue))
        self.panel.show_state(transport, estimates)

    def close(self) -> None:
        """Start nothing more; what is being written is finished."""
        self._tasks.close(drop_waiting=False)

    # --- several fusions

    def toggle_comparison(self) -> None:
        """Let all other fusions answer too, or only the chosen one."""
        self._comparing = not self._comparing
        fusions = self._fusions[:MAX_COMPARED] if self._comparing else ()
        self._controller.submit(lambda session: session.set_comparison(fusions))

    # --- several faces

    def _mention_faces(self, snapshot: Snapshot) -> None:
        """Say once for each source how another face is chosen."""
        source = self._controller.config.source
        observation = snapshot.observation
        several = observation is not None and bool(observation.others)
        if several and self._faces_mentioned != source:
            self._faces_mentioned = source
            self._show_message(tr("Only one face is read. Click another one, or press A, to read that."))

    def choose_face(self, x_px: float, y_px: float) -> None:
        """Read the face at a point of the frame; a click elsewhere changes nothing."""
        observation = None if self._snapshot is None else self._snapshot.observation
        for box in () if observation is None else observation.others:
            if box.contains(x_px, y_px):
                self._controller.submit(lambda session: session.choose_face(x_px, y_px))
                return

    def choose_other_face(self) -> None:
        """Read another one of the faces."""
        observation = None if self._snapshot is None else self._snapshot.observation
        if observation is not None and observation.others:
            self.choose_face(*observation.others[0].center_px)

    # --- transport

    def toggle_playing(self) -> bool:
        """Play or pause the file; False if there is none."""

        def toggle(session: AppSession, snapshot: Snapshot, playback: PlaybackState) -> None:
            session.set_playing(playback.paused or snapshot.ended)

        return self._command_file(toggle)

    def replay(self) -> bool:
        """Play the file from its beginning; False if there is none."""
        if self.file.position_s is None:
            return False
        self.seek(0.0)
        self._controller.submit(lambda session: session.set_playing(True))
        return True

    def seek(self, position_s: float) -> None:
        """Go to a position in the file."""
        if self.file.position_s is not None:
            self._controller.submit(lambda session: session.seek(position_s))

    def step(self, step_s: float) -> None:
        """Go on or back in the file."""
        self._command_file(lambda session, _, playback: session.seek(playback.position_s + step_s))

    def toggle_loop(self) -> None:
        """Play the file in a loop, or once."""
        self._command_file(lambda session, _, playback: session.set_loop(not playback.loop))

    def toggle_muted(self) -> None:
        """Play the sound of files, or not."""
        self._command_file(lambda session, _, playback: session.set_muted(not playback.muted))

    def _command_file(self, command: Callable[[AppSession, Snapshot, PlaybackState], object]) -> bool:
        """Give a command that depends on the state of the file when its turn comes; False without a file."""
        if self.file.position_s is None:
            return False

        def run(session: AppSession) -> None:
            snapshot = session.snapshot()
            if snapshot.playback is not None:
                command(session, snapshot, snapshot.playback)

        self._controller.submit(run)
        return True

    def open_files(self, paths: Sequence[Path]) -> None:
        """Play files one after another."""
        first = self.queue.replace(str(path) for path in paths)
        if first is not None:
            self._open_source(first)

    def play_next(self) -> None:
        """Play the next file that waits."""
        following = self.queue.skip()
        if following is not None:
            self._open_source(following)

    def _skip_unplayable(self, _: str) -> None:
        """A command was refused; if that was to open a file of the queue, open the next one."""
        if len(self.queue) and self._controller.config.source != self.queue.current:
            self.play_next()
