"""The main window: shows a snapshot at each timer tick and forwards the user's choices to the session."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow

from emolive.gui import strings
from emolive.gui.actions import Actions
from emolive.gui.controller import Option, SessionController
from emolive.gui.device_pickers import DevicePickers
from emolive.gui.file_opener import FileOpener, local_path
from emolive.gui.i18n import tr
from emolive.gui.presenter import WindowPresenter
from emolive.gui.services import Services
from emolive.gui.ui_settings import REMEMBERED, UiSettings
from emolive.gui.video_presenter import VideoPresenter
from emolive.gui.widgets.central_view import CentralView
from emolive.session.config import SessionConfig
from emolive.types import Estimate

log = logging.getLogger(__name__)

TICK_MS = 15
"""Half the time between two frames, so that each is painted soon after its arrival."""
STOP_S = 1.6
"""Time for the session to stop: with the rest, the window closes within 3 s."""


class MainWindow(QMainWindow):
    """Is shown at once; `begin` then adds the plots and starts the session."""

    finished = Signal()
    """The window is closed, and the session has stopped or its time was up."""

    def __init__(
        self,
        config: SessionConfig,
        services: Services | None = None,
        on_estimate: Callable[[Estimate], None] | None = None,
    ) -> None:
        """`on_estimate` is called with each estimate, in a thread of its own."""
        super().__init__()
        services = services or Services()
        self._settings = UiSettings()
        self._fusions = tuple(services.fusions())
        self._closing = False
        self.view = CentralView(self._fusions)
        self.view.video.set_landmarks(self._settings.flag("landmarks", True))
        self.view.set_timeline_visible(self._settings.flag("timeline", True))
        self.setCentralWidget(self.view)
        self.view.video.setFocus()  # otherwise the first picker would have it and consume the keys
        self.setWindowTitle("emolive")
        self.setAcceptDrops(True)
        self.setMinimumSize(QSize(860, 560))
        self.resize(1280, 800)
        if (geometry := self._settings.geometry()) is not None:
            self.restoreGeometry(geometry)
        self._video_presenter = VideoPresenter(self._settings)
        self._presenter = WindowPresenter(self._video_presenter)
        self.controller = SessionController(services, config, on_estimate)
        self._devices = DevicePickers(services, self.view.controls.source, self.view.controls.mic)
        self._opener = FileOpener(
            self,
            on_source=self.choose_source,
            on_checkpoint=self.controller.load_checkpoint,
            on_error=self.view.status_bar.show_message,
        )
        self._create_actions()
        self._connect()
        self._devices.show_config(config)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self.view.show_state(self._presenter.present_loading(config))

    def begin(self) -> None:
        """Add the plots and start the session. To be called when the window is on the screen."""
        if self._closing:
            return
        self.view.add_plots()
        self.controller.start()
        self._timer.start()

    # --- construction

    def _create_actions(self) -> None:
        actions = Actions(self)
        keys = [str(number) for number in range(1, min(len(self._fusions), 9) + 1)]
        actions.describe("  ".join(keys), tr("Switch the fusion"))
        for key, fusion in zip(keys, self._fusions, strict=False):
            actions.bind("", key, partial(self.choose_fusion, fusion.name))
        actions.bind(tr("Calibrate with five neutral seconds"), "C", self.calibrate)
        actions.add(tr("Open a file…"), "O", self._opener.ask_for_media, tr("Open a media file"))
        actions.add(tr("Stream address…"), "", self._opener.ask_for_stream)
        actions.add(tr("Load a checkpoint…"), "", self._opener.ask_for_checkpoint)
        actions.add(tr("Play again"), "R", self.play_again, tr("Play the file again"))
        actions.add_separator()
        actions.add_toggle(
            tr("Landmarks"),
            "L",
            self._set_landmarks,
            on=self.view.video.landmarks,
            help_text=tr("Landmarks on or off"),
        )
        actions.add(tr("Mirror"), "M", self._video_presenter.toggle_mirror, tr("Mirror the picture"))
        timeline = self._settings.flag("timeline", True)
        actions.add_toggle(
            tr("Timeline"), "T", self._set_timeline, on=timeline, help_text=tr("Timeline on or off")
        )
        actions.add(tr("Full screen"), "F", self.toggle_full_screen)
        actions.add_separator()
        actions.add(tr("Keys"), "? F1", self.view.help.toggle, tr("Show the keys"))
        actions.add(tr("Quit"), "Ctrl+Q", self.close)
        actions.bind("", "Escape", self._escape)
        self.view.controls.more.setMenu(actions.menu)
        self.view.help.rows = actions.help_rows

    def _connect(self) -> None:
        controls = self.view.controls
        controls.source.chosen.connect(self.choose_source)
        controls.mic.chosen.connect(partial(self._set_option, "mic"))
        controls.fusion.chosen.connect(self.choose_fusion)
        controls.baseline.chosen.connect(self.choose_baseline)
        controls.person.chosen.connect(partial(self._set_option, "person"))
        controls.calibration.clicked.connect(self.calibrate)
        self._devices.connect_dialogs(file=self._opener.ask_for_media, stream=self._opener.ask_for_stream)
        self.view.status_bar.retry.connect(self.controller.start)
        self.controller.command_failed.connect(self._on_command_failed)
        self.controller.closed.connect(self.finished)

    # --- commands

    def choose_source(self, source: str) -> None:
        """Watch another source."""
        self._set_option("source", source)

    def choose_fusion(self, name: str) -> None:
        """Answer with another fusion; one that has no checkpoint is refused with the reason."""
        problem = next((fusion.problem for fusion in self._fusions if fusion.name == name), "")
        if problem:
            self.view.status_bar.show_message(problem)
            return
        snapshot = self.controller.snapshot()
        if snapshot is None or snapshot.fusion != name:
            self._presenter.fusion.request(name)
            self._set_option("fusion", name)

    def choose_baseline(self, mode: str) -> None:
        """Compare with another baseline."""
        self._presenter.baseline.request(mode)
        self._set_option("baseline", mode)

    def calibrate(self) -> None:
        """Begin a calibration, unless one is running."""
        if self.controller.state == "running" and not self.view.controls.calibration.running:
            self.controller.submit(lambda session: session.calibrate())

    def play_again(self) -> None:
        """Begin a file or the demo again."""
        if strings.source_kind(self.controller.config.source) in ("file", "demo", "auto"):
            self._set_option("source", self.controller.config.source)

    def toggle_full_screen(self) -> None:
        """Enter or leave the full screen."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _escape(self) -> None:
        if self.view.help.isVisible():
            self.view.help.toggle()
        elif self.isFullScreen():
            self.toggle_full_screen()

    def _set_option(self, name: Option, value: str) -> None:
        self.controller.set_option(name, value)
        self._devices.show_config(self.controller.config)

    def _set_landmarks(self, on: bool) -> None:
        self.view.video.set_landmarks(on)
        self._settings.set_flag("landmarks", on)

    def _set_timeline(self, on: bool) -> None:
        self.view.set_timeline_visible(on)
        self._settings.set_flag("timeline", on)

    def _on_command_failed(self, sentence: str) -> None:
        self._presenter.clear_requests()
        self._devices.show_config(self.controller.config)
        self.view.status_bar.show_message(sentence)

    # --- display

    def _tick(self) -> None:
        controller = self.controller
        snapshot = controller.snapshot()
        if snapshot is not None:
            self.view.show_state(self._presenter.present(snapshot, controller.config))
        elif controller.state == "failed":
            self.view.show_state(self._presenter.present_failure(controller.config, controller.error))
        else:
            self.view.show_state(self._presenter.present_loading(controller.config))

    # --- events

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if local_path(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        if self._opener.drop(event.mimeData()):
            event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        event.accept()
        if self._closing:
            return
        self._closing = True
        self._timer.stop()
        self._remember()
        self._devices.close()
        log.info("%d frames were painted", self.view.video.painted)
        self.controller.close(STOP_S)

    def _remember(self) -> None:
        if self.controller.state == "running":
            for name in REMEMBERED:
                self._settings.set_text(name, getattr(self.controller.config, name))
        if not self.isFullScreen():
            self._settings.set_geometry(self.saveGeometry())
        self._settings.save()
