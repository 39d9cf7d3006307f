"""The window: pulls a snapshot by timer, paints it, and passes wishes on to the session."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMainWindow, QVBoxLayout, QWidget

from emolive.gui import strings as words
from emolive.gui.actions import Actions
from emolive.gui.controls import Controls
from emolive.gui.dialogs import ask_for_file, ask_for_stream
from emolive.gui.help_view import HelpView
from emolive.gui.pending_selection import PendingSelection
from emolive.gui.session_controller import Backend, SessionController
from emolive.gui.status_bar import StatusBar
from emolive.gui.task_queue import SerialTaskQueue
from emolive.gui.ui_settings import REMEMBERED, UiSettings
from emolive.gui.video_presenter import Picture
from emolive.gui.video_view import VideoView
from emolive.session.config import SessionConfig
from emolive.types import Estimate, Snapshot, Status

log = logging.getLogger(__name__)

TICK_MS = 15
"""Twice as often as pictures come, so that each is painted once and soon."""
STOP_S = 2.3
"""What the session gets to stop; with the rest of closing it stays below 3 s."""


class MainWindow(QMainWindow):
    """Shown at once; the plots and the session come while it is already there."""

    finished = Signal()
    """Closed, and the session has stopped or used up its time."""

    def __init__(
        self,
        config: SessionConfig,
        backend: Backend | None = None,
        on_estimate: Callable[[Estimate], None] | None = None,
    ) -> None:
        super().__init__()
        self._backend = backend or Backend()
        self._choices = UiSettings()
        self._devices = SerialTaskQueue("emolive-gui-devices")
        self._last = Snapshot()
        self._closing_s: float | None = None
        self.link = SessionController(self._backend, config, self._refused, on_estimate)
        self._fusion, self._baseline = PendingSelection(), PendingSelection()
        self.setWindowTitle("emolive")
        self.setAcceptDrops(True)
        self.setMinimumSize(QSize(860, 560))
        self.resize(1280, 800)
        self._build()
        self._connect()
        self._sync_pickers()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)

    def begin(self) -> None:
        """Start once the window is on the screen: plots first, then the session in the background."""
        from emolive.gui.results_panel import Reading
        from emolive.gui.timeline import Timeline

        if self._closing_s is not None:
            return
        self.timeline = Timeline()
        self._timeline_panel.layout().addWidget(self.timeline)  # type: ignore[union-attr]
        self.reading = Reading(self.timeline)
        self._middle.replaceWidget(self._reading_place, self.reading)
        self._reading_place.deleteLater()
        self._middle.setStretch(1, 2)
        self._size_panels()
        self.link.start()
        self._timer.start()

    # --- layout

    def _build(self) -> None:
        self.controls = Controls(self._backend.fusions())
        self.video = VideoView()
        self.picture = Picture(self.video, self._choices)
        self.video.landmarks = self._choices.flag("landmarks", True)
        self.video.show_nothing("Loading the models…", "The first time takes a little longer.", busy=True)
        self._reading_place = QFrame()
        self._reading_place.setObjectName("panel")
        self._middle = QHBoxLayout()
        self._middle.setSpacing(10)
        self._middle.addWidget(self.video, 5)
        self._middle.addWidget(self._reading_place, 2)
        self._timeline_panel = QFrame()
        self._timeline_panel.setObjectName("panel")
        QVBoxLayout(self._timeline_panel).setContentsMargins(8, 8, 12, 4)
        self._timeline_panel.setVisible(self._choices.flag("timeline", True))
        self.footer = StatusBar()
        central = QWidget()
        layout = QVBoxLayout(central)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(8)
        layout.addWidget(self.controls)
        layout.addLayout(self._middle, 1)
        layout.addWidget(self._timeline_panel)
        layout.addWidget(self.footer)
        self.setCentralWidget(central)
        self.video.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.video.setFocus()  # not the first picker, which would swallow keys
        self.help = HelpView(central)
        self._size_panels()

    def _connect(self) -> None:
        controls = self.controls
        controls.source.chosen.connect(self.choose_source)
        controls.source.asked.connect(lambda kind: (self.open_file if kind == "file" else self.open_stream)())
        controls.source.opened.connect(self._list_cameras)
        controls.mic.chosen.connect(lambda mic: self._choose("mic", mic))
        controls.mic.opened.connect(self._list_microphones)
        controls.fusion.chosen.connect(self.choose_fusion)
        controls.baseline.chosen.connect(self.choose_baseline)
        controls.person_chosen.connect(lambda person: self._choose("person", person))
        controls.calibrate_wanted.connect(self.calibrate)
        self.footer.retry.connect(self.link.start)
        actions = Actions(self)
        actions.add("Open a file…", "O", self.open_file)
        actions.add("Stream address…", "", self.open_stream)
        actions.add("Load a checkpoint…", "", self.open_checkpoint)
        actions.add("Play again", "R", self.play_again)
        actions.add_separator()
        actions.add_toggle("Landmarks", "L", self._set_landmarks, on=self.video.landmarks)
        actions.add("Mirror", "M", self.picture.toggle_mirror)
        actions.add_toggle("Timeline", "T", self._set_timeline, on=not self._timeline_panel.isHidden())
        actions.add("Full screen", "F", self.toggle_full_screen)
        actions.add_separator()
        actions.add("Keys", "? F1", self.help.toggle)
        actions.add("Quit", "Ctrl+Q", self.close)
        actions.bind("C", self.calibrate)
        actions.bind("Escape", self._escape)
        for number, fusion in enumerate(self._backend.fusions(), start=1):
            if number <= 9:
                actions.bind(str(number), partial(self.choose_fusion, fusion))
        controls.more.setMenu(actions.menu)

    def _size_panels(self) -> None:
        self._timeline_panel.setFixedHeight(max(112, min(190, self.height() // 5)))
        side = self._middle.itemAt(1)
        panel = side.widget() if side is not None else None
        if panel is not None:
            panel.setFixedWidth(max(250, min(400, self.width() * 27 // 100)))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._size_panels()
        self.help.setGeometry(self.help.place())

    # --- wishes

    def choose_source(self, source: str) -> None:
        self._choose("source", source)

    def choose_fusion(self, fusion: str) -> None:
        if fusion != self._last.fusion or self.link.state != "running":
            self._fusion.want(fusion)
            self._choose("fusion", fusion)

    def choose_baseline(self, mode: str) -> None:
        self._baseline.want(mode)
        self._choose("baseline", mode)

    def calibrate(self) -> None:
        if self.link.state == "running" and not self.controls.calibrating:
            self.link.call(lambda session: session.calibrate())

    def open_path(self, path: Path) -> None:
        """A checkpoint or a media file, as its name ends."""
        if path.suffix.lower() in words.CHECKPOINT_SUFFIXES:
            self.link.load_checkpoint(path)
        else:
            self.choose_source(str(path))

    def open_file(self) -> None:
        ask_for_file(self, "Open a file", words.MEDIA_FILTER, lambda path: self.choose_source(str(path)))

    def open_checkpoint(self) -> None:
        ask_for_file(self, "Load a checkpoint", words.CHECKPOINT_FILTER, self.open_path)

    def open_stream(self) -> None:
        ask_for_stream(self, self.choose_source)

    def play_again(self) -> None:
        if words.source_kind(self.link.config.source) in ("file", "demo", "auto"):
            self._choose("source", self.link.config.source)

    def toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _escape(self) -> None:
        if self.help.isVisible():
            self.help.toggle()
        elif self.isFullScreen():
            self.toggle_full_screen()

    def _set_landmarks(self, on: bool) -> None:
        self.video.landmarks = on
        self._choices.set_flag("landmarks", on)
        self.video.update()

    def _set_timeline(self, on: bool) -> None:
        self._timeline_panel.setVisible(on)
        self._choices.set_flag("timeline", on)

    def _choose(self, name: str, value: str) -> None:
        self.link.choose(name, value)
        self._sync_pickers()

    def _refused(self, sentence: str) -> None:
        self._fusion.settle()
        self._baseline.settle()
        self._sync_pickers()
        self.footer.say(sentence)

    def _list_cameras(self) -> None:
        picker = self.controls.source
        self._devices.submit(self._backend.cameras, picker.set_devices, picker.set_problem)

    def _list_microphones(self) -> None:
        picker = self.controls.mic
        self._devices.submit(self._backend.microphones, picker.set_devices, picker.set_problem)

    # --- painting

    def _sync_pickers(self) -> None:
        config = self.link.config
        self.controls.source.set_value(config.source, words.source_title(config.source))
        self.controls.mic.set_value(config.mic, words.mic_title(config.mic))
        self.picture.set_source(config.source)

    def _tick(self) -> None:
        if self._closing_s is not None:
            self._wind_down(self._closing_s)
            return
        self.link.deliver()
        self._devices.deliver()
        snapshot = self.link.snapshot()
        if snapshot is None:
            self._show_loading()
        else:
            self._show(snapshot)

    def _show_loading(self) -> None:
        config = self.link.config
        if self.link.state == "failed":
            self.video.show_nothing("emolive could not start", self.link.error)
            self.footer.show_statuses((Status("model", "error", "failed", self.link.error),), retry=True)
        else:
            self.video.show_nothing("Loading the models…", "The first time takes a little longer.", busy=True)
            self.footer.show_statuses((Status("model", "info", "loading", "The models are loading."),))
        self.controls.fusion.show_value(config.fusion)
        self.controls.baseline.show_value(config.baseline)
        self.controls.show_person(config.person)
        self.controls.calibrate.setEnabled(False)

    def _show(self, snapshot: Snapshot) -> None:
        self._last = snapshot
        self.reading.set_waiting(words.waiting(snapshot))
        self.reading.show_estimate(snapshot.estimate)
        self.picture.show(snapshot, self.reading)
        statuses = snapshot.statuses
        self.footer.show_statuses(statuses)
        live = (
            words.source_kind(self.link.config.source) in ("auto", "camera", "stream")
            and not snapshot.is_synthetic
        )
        self.footer.show_hint(live and bool(snapshot.fusion) and snapshot.baseline != "neutral")
        failed = any(s.source == "model" and s.level in ("warning", "error") for s in statuses)
        controls = self.controls
        controls.fusion.show_value(
            self._fusion.shown(snapshot.fusion or self.link.config.fusion, failed=failed)
        )
        controls.baseline.show_value(self._baseline.shown(snapshot.baseline))
        controls.show_person(snapshot.person)
        controls.show_calibration(snapshot.calibration)
        controls.calibrate.setEnabled(True)
        controls.level.show_level(snapshot.voice_dbfs)

    # --- coming and going

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        path = next((url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()), None)
        if path is not None:
            event.acceptProposedAction()
            self.open_path(Path(path))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        event.accept()
        if self._closing_s is not None:
            return
        self._closing_s = time.monotonic()
        self._remember()
        self._devices.close()
        self.link.close(STOP_S)
        log.info("frames painted: %d", self.video.painted)
        self._timer.start()

    def _remember(self) -> None:
        if self.link.state == "running":
            for name in REMEMBERED:
                self._choices.set_text(name, getattr(self.link.config, name))
        if not self.isFullScreen():
            self._choices.set_geometry(self.saveGeometry())
        self._choices.save()

    def _wind_down(self, since_s: float) -> None:
        late = time.monotonic() - since_s > STOP_S + 0.2
        if self.link.closed or late:
            if late:
                log.warning("The session did not stop in time; it is left behind.")
            self._timer.stop()
            self.finished.emit()
