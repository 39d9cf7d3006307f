"""The commands of what is left behind: recordings, snapshots, reports, and the files that are played."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QWidget

from emolive.atomic_io import atomic_text_file
from emolive.capture.recording_folder import is_recording
from emolive.capture.source_spec import parse_source
from emolive.errors import ConfigError, EmoliveError, OutputError
from emolive.gui import strings
from emolive.gui.actions import Actions
from emolive.gui.controller import SessionController
from emolive.gui.file_queue import FileQueue
from emolive.gui.i18n import tr
from emolive.gui.services import FusionChoice
from emolive.gui.span_editor import SpanEditor
from emolive.gui.tasks import TaskRunner
from emolive.gui.transport_presenter import present_transport
from emolive.gui.widgets.media_panel import MediaPanel
from emolive.recording.export import export_spans
from emolive.recording.folder import default_parent, free_file, read_recording
from emolive.recording.report import report_html
from emolive.recording.spans import Span, load_spans, save_spans, spans_path
from emolive.types import Estimate, RecordingState, Snapshot

_STEPS = (("Left", -5.0), ("Right", 5.0))
_SMALL_STEPS = (("Left", -0.24), ("Right", 0.24))
"""One window."""
_NEEDS_KEYS = (QAbstractButton, QComboBox, QLineEdit)
"""Use the space bar or the arrows themselves."""
N_LABEL_KEYS = 9
MAX_COMPARED = 3


@dataclass(frozen=True, slots=True)
class _OpenedFile:
    """What is kept beside a file."""

    spans: tuple[Span, ...]
    recorded: tuple[Estimate, ...]
    person: str


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
        self.spans = SpanEditor()
        self.queue = FileQueue()
        self.last_recording: Path | None = None
        self._window, self._controller = window, controller
        self._fusions = tuple(fusion.name for fusion in fusions if not fusion.problem)
        self._show_message, self._open_source = show_message, open_source
        self._tasks = TaskRunner("emolive-gui-files")
        self._record_parent, self._record_pending = record, record is not None
        self._comparing = bool(controller.config.comparison)
        self._snapshot: Snapshot | None = None
        self._recording: RecordingState | None = None
        self._source = ""
        """The open file, as the session names it; empty for a live source."""
        self._recorded: tuple[Estimate, ...] = ()
        self._person = ""
        self._faces_mentioned: str | None = None
        """The source for which it was said that there are several faces."""
        self._file_keys: tuple[QAction, ...] = ()
        """Keys that other widgets need while no file is open, or while they have the focus."""
        controller.command_failed.connect(self._skip_unplayable)
        transport = self.panel.transport
        transport.timeline.seeked.connect(self.seek)
        transport.play_toggled.connect(self.toggle_playing)
        transport.loop_toggled.connect(self.toggle_loop)
        transport.mark_in.connect(self.mark_in)
        transport.mark_out.connect(self.mark_out)
        transport.label_chosen.connect(self.label_span)
        transport.export_requested.connect(self.export)

    def add_actions(self, actions: Actions) -> None:
        """Add the menu entries and keys."""
        actions.add(tr("Record"), "E F9", self.toggle_recording, tr("Begin or end a recording"))
        actions.add(tr("Snapshot"), "S", self.save_snapshot, tr("Save a picture of the window"))
        actions.add(tr("Open the last recording"), "Ctrl+R", self.open_last_recording)
        actions.add(tr("Save a report"), "Ctrl+H", self.save_report, tr("Save a report of the recording"))
        actions.add(tr("Save a report with pictures"), "", partial(self.save_report, pictures=True))
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
        actions.bind("", "[", self.mark_in)
        actions.bind("", "]", self.mark_out)
        actions.describe("Ctrl+1  …  Ctrl+9", tr("Give the marked span a label"))
        for number in range(N_LABEL_KEYS):
            actions.bind("", f"Ctrl+{number + 1}", partial(self._label_by_number, number))
        actions.bind(tr("Remove the span at the position"), "Delete", self.remove_span)
        actions.bind(tr("Export the spans for training"), "Ctrl+E", self.export)

    def show(self, snapshot: Snapshot) -> None:
        """Show a snapshot, and act on what has changed since the last one. To be called often."""
        self._snapshot = snapshot
        free = snapshot.playback is not None and not isinstance(QApplication.focusWidget(), _NEEDS_KEYS)
        for action in self._file_keys:
            action.setEnabled(free)
        source = self._controller.config.source if snapshot.playback is not None else ""
        if source != self._source:
            self._source = source
            self._open_file(source)
        if self._record_pending:
            self._record_pending = False
            self.toggle_recording()
        self._follow_recording(snapshot.recording)
        self._mention_faces(snapshot)
        following = self.queue.next_after(source, ended=snapshot.ended)
        if following is not None:
            self._open_source(following)
        estimates = () if snapshot.estimate is None else (snapshot.estimate, *snapshot.comparison)
        transport = present_transport(snapshot, self.spans, self._recorded, len(self.queue))
        self.panel.show_state(transport, estimates)

    def close(self) -> None:
        """Start nothing more; what is being written is finished."""
        self._tasks.close(drop_waiting=False)

    # --- recordings

    def toggle_recording(self) -> None:
        """Begin or end a recording."""
        if self._recording is not None and self._recording.running:
            self._controller.submit(lambda session: session.stop_recording())
        else:
            self._controller.submit(lambda session: session.start_recording(self._record_parent))

    def open_last_recording(self) -> None:
        """Play what was recorded last."""
        if self._recording is not None and self._recording.running:
            self._show_message(tr("End the recording first."))
        elif self.last_recording is None or not is_recording(self.last_recording):
            self._show_message(tr("Nothing was recorded yet: press E to begin."))
        else:
            self._open_source(str(self.last_recording))

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

        self._tasks.submit(save, self._report_path(tr("The picture is in {path}.")), self._show_message)

    def save_report(self, *, pictures: bool = False) -> None:
        """Save the report of the recording that is open, or of the last one."""
        path = self._path()
        folder = path if path is not None and is_recording(path) else self.last_recording
        if self._recording is not None and self._recording.running:
            self._show_message(tr("End the recording first."))
            return
        if folder is None:
            self._show_message(tr("Open a recording, or record something first."))
            return

        def save() -> Path:
            text = report_html(read_recording(folder), load_spans(spans_path(folder)), pictures=pictures)
            path = free_file(folder, "report", ".html")
            with atomic_text_file(path) as file:
                file.write(text)
            return path

        self._tasks.submit(save, self._report_path(tr("The report is in {path}.")), self._show_message)

    def _follow_recording(self, recording: RecordingState | None) -> None:
        before, self._recording = self._recording, recording
        if before is None or not before.running or (recording is not None and recording.running):
            return
        # Without a state the source was changed to a file, which ends a recording.
        self.last_recording = before.folder
        if recording is not None and recording.problem:
            self._show_message(recording.problem)
        else:
            self._show_message(tr("The recording is in {path}. Ctrl+R opens it.", path=before.folder))

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
        snapshot = self._snapshot
        if snapshot is None or snapshot.playback is None:
            return False
        playing = snapshot.playback.paused or snapshot.ended
        self._controller.submit(lambda session: session.set_playing(playing))
        return True

    def replay(self) -> bool:
        """Play the file from its beginning; False if there is none."""
        if self._position_s() is None:
            return False
        self.seek(0.0)
        self._controller.submit(lambda session: session.set_playing(True))
        return True

    def seek(self, position_s: float) -> None:
        """Go to a position in the file."""
        if self._position_s() is not None:
            self._controller.submit(lambda session: session.seek(position_s))

    def step(self, step_s: float) -> None:
        """Go on or back in the file."""
        position_s = self._position_s()
        if position_s is not None:
            self.seek(position_s + step_s)

    def toggle_loop(self) -> None:
        """Play the file in a loop, or once."""
        if self._snapshot is not None and self._snapshot.playback is not None:
            loop = not self._snapshot.playback.loop
            self._controller.submit(lambda session: session.set_loop(loop))

    def toggle_muted(self) -> None:
        """Play the sound of files, or not."""
        if self._snapshot is not None and self._snapshot.playback is not None:
            muted = not self._snapshot.playback.muted
            self._controller.submit(lambda session: session.set_muted(muted))

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

    # --- spans

    def mark_in(self) -> None:
        """The next span begins at the position."""
        if (position_s := self._position_s()) is not None:
            self.spans.mark_in(position_s)

    def mark_out(self) -> None:
        """The next span ends at the position."""
        if (position_s := self._position_s()) is not None:
            self.spans.mark_out(position_s)

    def label_span(self, label: str) -> None:
        """Give the marked span a label."""
        if (position_s := self._position_s()) is None:
            return
        try:
            self.spans.label(label, position_s)
        except ConfigError as error:
            self._show_message(str(error))
        else:
            self._save_spans()

    def remove_span(self) -> None:
        """Remove the marks, or the span at the position."""
        position_s = self._position_s()
        if position_s is not None and self.spans.remove(position_s):
            self._save_spans()

    def export(self) -> None:
        """Cut the spans into clips with an annotation file."""
        path, spans, person = self._path(), self.spans.spans, self._person
        if path is None:
            return
        parent = path if is_recording(path) else default_parent() / "exports" / path.stem

        def cut() -> Path:
            return export_spans(path, spans, parent, actor=person)

        text = tr("{n} clips for training are listed in {path}.", n=len(spans), path="{path}")
        self._tasks.submit(cut, self._report_path(text), self._show_message)

    def _label_by_number(self, number: int) -> None:
        playback = None if self._snapshot is None else self._snapshot.playback
        newest = playback.track[-1] if playback is not None and playback.track else None
        if newest is None and self._recorded:
            newest = self._recorded[-1]
        if newest is not None and number < len(newest.labels):
            self.label_span(newest.labels[number])

    def _save_spans(self) -> None:
        path, spans = self._path(), self.spans.spans
        if path is not None:
            self._tasks.submit(lambda: save_spans(spans_path(path), spans), on_error=self._show_message)

    # --- the open file

    def _open_file(self, source: str) -> None:
        self.spans.open(())
        self._recorded, self._person = (), self._controller.config.person
        path = self._path()
        if path is None:
            return
        person = self._person

        def read() -> _OpenedFile:
            spans = load_spans(spans_path(path))
            if not is_recording(path):
                return _OpenedFile(spans, (), person)
            recording = read_recording(path)
            session = recording.settings.get("session")
            fusion = recording.settings.get("fusion")
            recorded = tuple(e for e in recording.estimates if fusion in (None, e.fusion))
            owner = session.get("person") if isinstance(session, dict) else None
            return _OpenedFile(spans, recorded or recording.estimates, str(owner or person))

        def opened(file: _OpenedFile) -> None:
            if self._source == source:
                self.spans.open(file.spans)
                self._recorded, self._person = file.recorded, file.person

        self._tasks.submit(read, opened, self._show_message)

    def _path(self) -> Path | None:
        """Of the open file or recording."""
        try:
            spec = parse_source(self._source) if self._source else None
        except EmoliveError:
            return None
        # os.path.expanduser leaves "~nobody" as it is; that of pathlib raises.
        return None if spec is None else Path(os.path.expanduser(spec.value))  # noqa: PTH111

    def _position_s(self) -> float | None:
        playback = None if self._snapshot is None else self._snapshot.playback
        return None if playback is None else playback.position_s

    def _report_path(self, text: str) -> Callable[[Path], None]:
        return lambda path: self._show_message(text.format(path=path))
