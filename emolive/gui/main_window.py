"""The main window: shows a snapshot at each timer tick and forwards the user's choices to the session."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow

from emolive.gui import geometry, strings
from emolive.gui.actions import Actions
from emolive.gui.calibration_guide import CALIBRATION_S
from emolive.gui.controller import Option, SessionController
from emolive.gui.device_page import DevicePage
from emolive.gui.device_pickers import DevicePickers
from emolive.gui.file_opener import FileOpener, local_path
from emolive.gui.i18n import tr
from emolive.gui.icon import app_icon
from emolive.gui.media_commands import MediaCommands
from emolive.gui.model_settings import ModelSettings
from emolive.gui.presenter import WindowPresenter
from emolive.gui.services import Services
from emolive.gui.session_actions import add_session_actions
from emolive.gui.session_memory import SessionMemory
from emolive.gui.ui_settings import UiSettings
from emolive.gui.video_presenter import VideoPresenter
from emolive.gui.view_toggles import ViewToggles
from emolive.gui.widgets.central_view import CentralView
from emolive.gui.window_pages import WindowPages
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
        record: Path | None = None,
        remembered: Collection[str] = (),
    ) -> None:
        """`on_estimate` is called with each estimate, in a thread of its own; the session is recorded from
        its beginning into a new folder in `record`; `remembered` names the fields of `config` that are of the
        last time."""
        super().__init__()
        services = services or Services()
        self._settings = UiSettings()
        self._fusions = tuple(services.fusions())
        self._closing = False
        self.view = CentralView(self._fusions)
        self._looks = ViewToggles(self.view, self._settings)
        self.setWindowTitle("emolive")
        self.setAcceptDrops(True)
        self.setWindowIcon(app_icon())
        geometry.place(self, self._settings)
        self._video_presenter = VideoPresenter(self._settings)
        self._presenter = WindowPresenter(self._video_presenter)
        self.controller = SessionController(services, config, on_estimate, remembered)
        self.pages = WindowPages(self, self.view, self._presenter, self.controller, self._settings)
        self.view.video.setFocus()  # otherwise the first picker would have it and consume the keys
        self._devices = DevicePickers(services, self.view.controls.source, self.view.controls.mic)
        self._media = MediaCommands(
            self,
            self.controller,
            self._fusions,
            show_message=self._presenter.log.say,
            open_source=partial(self._set_option, "source"),
            record=record,
        )
        self.view.add_panel(self._media.panel)
        self.model_settings = ModelSettings(
            self.pages.stack, self.controller, services, self._fusions, self.choose_fusion
        )
        self.device_page = DevicePage(self.pages.stack, self.controller, services, self._choose_device)
        self._opener = FileOpener(
            self,
            on_source=self.choose_source,
            on_sources=self._media.open_files,
            on_checkpoint=self.controller.load_checkpoint,
            on_error=self.view.status_bar.show_message,
        )
        self._memory = SessionMemory(self._settings, self.controller)
        self._create_actions()
        self._connect()
        self._devices.show_config(config)
        self._offering = False
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
        self.view.results.page_changed.connect(self._explain)
        self.controller.start()
        self._timer.start()

    def greet(self, *, is_first: bool) -> None:
        """Welcome a new user, and say so if another window of emolive is open."""
        if not is_first:
            self._presenter.log.say(
                tr("emolive is open already: the other window may be using the camera."), "warning"
            )
        self.pages.welcome_once()

    # --- construction

    def _create_actions(self) -> None:
        actions = Actions(self)
        add_session_actions(
            actions,
            self._fusions,
            self._opener,
            choose_fusion=self.choose_fusion,
            calibrate=self.calibrate,
            play_again=self.play_again,
            open_devices=self.device_page.open,
            open_settings=self.model_settings.open,
        )
        actions.add_separator()
        self._media.add_actions(actions)
        actions.add_separator()
        self._looks.add_actions(actions, self._video_presenter.toggle_mirror)
        actions.add(tr("Full screen"), "F F11", self.toggle_full_screen)
        self.pages.add_actions(actions)
        actions.add(tr("Keys"), "? F1", self.view.help.toggle, tr("Show the keys"))
        actions.add(tr("Quit"), "Ctrl+Q", self.close)
        actions.bind("", "Escape", self._escape)
        self.view.controls.more.setMenu(actions.menu)
        self.view.help.rows = actions.help_rows

    def _connect(self) -> None:
        controls = self.view.controls
        self.view.video.clicked.connect(self._media.choose_face)
        controls.source.chosen.connect(self.choose_source)
        controls.mic.chosen.connect(partial(self._set_option, "mic"))
        controls.fusion.chosen.connect(self.choose_fusion)
        controls.baseline.chosen.connect(self.choose_baseline)
        controls.person.chosen.connect(partial(self._set_option, "person"))
        controls.calibration.clicked.connect(self.calibrate)
        self.pages.load_wanted.connect(self._opener.ask_for_checkpoint)
        self.model_settings.load_wanted.connect(self._opener.ask_for_checkpoint)
        self.view.offers.chosen.connect(self.choose_source)
        self.view.offers.file_wanted.connect(self._opener.ask_for_media)
        self._devices.connect_dialogs(
            file=self._opener.ask_for_media,
            stream=self._opener.ask_for_stream,
            devices=self.device_page.open,
        )
        self.view.status_bar.retry.connect(self.controller.start)
        self.controller.command_failed.connect(self._on_command_failed)
        self.controller.device_missing.connect(self._on_device_missing)
        self.controller.closed.connect(self.finished)

    # --- commands

    def choose_source(self, source: str) -> None:
        """Watch another source; files that wait are forgotten."""
        self._media.queue.clear()
        self._set_option("source", source)

    def _choose_device(self, kind: str, value: str) -> None:
        if kind == "camera":
            self.choose_source(value)
        else:
            self._set_option("mic", value)

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
        """Begin the countdown of a calibration, unless one is running."""
        guide = self._presenter.guide
        if refusal := guide.ask(self.controller.snapshot(), self.controller.config.source):
            self._presenter.log.say(refusal, "warning")

    def play_again(self) -> None:
        """Begin a file or the demo again."""
        if self._media.replay():
            return
        if strings.source_kind(self.controller.config.source) in ("file", "demo", "auto"):
            self._set_option("source", self.controller.config.source)

    def toggle_full_screen(self) -> None:
        """Enter or leave the full screen."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _escape(self) -> None:
        if self._presenter.guide.preparing:
            self._presenter.guide.cancel()
        elif not self.pages.escape() and self.isFullScreen():
            self.toggle_full_screen()

    def _explain(self, page: str) -> None:
        """Explain each answer while the page that shows it is open."""
        self._presenter.why.active = page == "why"
        self.controller.submit(lambda session: session.set_explaining(page == "why"))

    def _set_option(self, name: Option, value: str) -> None:
        self._memory.note_choice(name)
        self.controller.set_option(name, value)
        self._devices.show_config(self.controller.config)

    def _on_command_failed(self, sentence: str) -> None:
        self._presenter.clear_requests()
        self._devices.show_config(self.controller.config)
        self._presenter.log.say(sentence, "warning")

    def _on_device_missing(self, sentence: str) -> None:
        self._devices.show_config(self.controller.config)
        self._presenter.log.say(tr("{sentence} Another one is used.", sentence=sentence), "warning")

    # --- display

    def _tick(self) -> None:
        controller, presenter = self.controller, self._presenter
        snapshot = controller.snapshot()
        if presenter.guide.due():
            controller.submit(lambda session: session.calibrate(CALIBRATION_S))
        if snapshot is not None:
            state = presenter.present(snapshot, controller.config)
            self._media.show(snapshot)
            self._looks.show_file(is_open=snapshot.playback is not None)
        elif controller.state == "failed":
            state = presenter.present_failure(
                controller.config, controller.error, of_source=controller.source_failed
            )
        else:
            state = presenter.present_loading(controller.config)
        if (offers := state.video.message is not None and state.video.message.offers) != self._offering:
            self._offering = offers
            if offers:
                self._devices.list_cameras(self.view.offers.show_cameras)
        self.view.show_state(state)
        self.pages.show_state(state)
        self.model_settings.show(snapshot, state.controls.fusion)
        self.device_page.show(snapshot)

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
        self._memory.keep()
        if self.controller.state == "running":
            self.pages.remember_person()
        if not self.isFullScreen():
            self._settings.set_geometry(self.saveGeometry())
        self._settings.save()
        for part in (self._devices, self.model_settings, self.device_page, self._media):
            part.close()
        log.info("%d frames were painted", self.view.video.painted)
        self.controller.close(STOP_S)
