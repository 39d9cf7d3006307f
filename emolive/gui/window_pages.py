"""The pages that lie over the window, and the presentation: creates, opens and feeds them."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QMainWindow, QStackedWidget, QWidget

from emolive.errors import EmoliveError
from emolive.gui import strings
from emolive.gui.actions import Actions
from emolive.gui.controller import SessionController
from emolive.gui.device_check import device_check
from emolive.gui.i18n import tr
from emolive.gui.model_card import model_card
from emolive.gui.presenter import WindowPresenter
from emolive.gui.theme_switch import ThemeSwitch
from emolive.gui.truth import serious_statuses
from emolive.gui.ui_settings import UiSettings
from emolive.gui.view_state import WindowState
from emolive.gui.widgets.about_view import AboutView
from emolive.gui.widgets.central_view import CentralView
from emolive.gui.widgets.log_view import LogView
from emolive.gui.widgets.model_view import ModelView
from emolive.gui.widgets.page import Page
from emolive.gui.widgets.people_view import PeopleView
from emolive.gui.widgets.tour import Tour, TourStep
from emolive.gui.widgets.welcome_view import WelcomeView
from emolive.people import forget_person, saved_people


class WindowPages(QObject):
    """What can lie over the window's view, or stand in its place.

    Args:
        window: the window; its central widget becomes a stack of the view and the presentation.
        view: the window's usual content.
        presenter: for the log.
        controller: for the newest snapshot and the person.
        settings: remember theme, first start and the last person.
    """

    load_wanted = Signal()
    """A checkpoint is to be chosen."""

    def __init__(
        self,
        window: QMainWindow,
        view: CentralView,
        presenter: WindowPresenter,
        controller: SessionController,
        settings: UiSettings,
    ) -> None:
        super().__init__(window)
        self._window, self._view = window, view
        self._presenter, self._controller, self._settings = presenter, controller, settings
        self._state: WindowState | None = None
        self._state_before = Qt.WindowState.WindowNoState
        self.theme = ThemeSwitch(settings, self)
        self.stack = QStackedWidget()
        self.stack.addWidget(view)
        window.setCentralWidget(self.stack)
        self.presentation: QWidget | None = None
        """There once it was opened: its widgets need not delay the start."""
        view.help.cover(self.stack)
        self.about = AboutView(self.stack, self._status_sentences)
        self.log = LogView(self.stack)
        self.model = ModelView(self.stack, self.load_wanted.emit)
        self.people = PeopleView(self.stack)
        self.welcome = WelcomeView(self.stack)
        self.tour = Tour(self.stack)
        self.people.chosen.connect(self._use_person)
        self.people.deleted.connect(self._delete_person)
        self.welcome.closed.connect(lambda: settings.set_flag("welcomed", True))
        self.welcome.tour_wanted.connect(self.start_tour)
        view.status_bar.log_wanted.connect(self.open_log)
        view.status_bar.said.connect(presenter.log.note)

    def add_actions(self, actions: Actions) -> None:
        """Add the keys and menu entries of the pages."""
        actions.add(tr("Presentation"), "P F5", self.toggle_presentation, tr("Presentation for an audience"))
        actions.bind(tr("Bars of the emotions"), "B", lambda: self._show_page("bars"))
        actions.bind(tr("Valence and arousal"), "V", lambda: self._show_page("affect"))
        actions.bind(tr("Why this answer"), "W", lambda: self._show_page("why"))
        actions.add(tr("Model…"), "K", self.open_model, tr("Card of the model in use"))
        actions.add(tr("People…"), "U", self.open_people, tr("People with a saved baseline"))
        actions.add(tr("Messages…"), "N", self.open_log, tr("Messages since the start"))
        actions.add(tr("Theme"), "D", self._next_theme, tr("Theme: dark, light, or as the desktop"))
        actions.add_separator()
        actions.add(tr("Welcome page"), "", self.open_welcome)
        actions.add(tr("Tour"), "", self.start_tour)
        actions.add(tr("About emolive"), "", self.about.open_page)

    def show_state(self, state: WindowState) -> None:
        """Show a state on what is open."""
        self._state = state
        if self.presentation is not None and self.presenting:
            self.presentation.show_state(state)  # type: ignore[attr-defined]
        if self.welcome.isVisible() and self.welcome.checking:
            self.welcome.show_check(state.video, device_check(self._controller.snapshot()))

    def escape(self) -> bool:
        """Close the topmost page or the presentation; whether there was one."""
        if self.tour.isVisible():
            self.tour.stop()
            return True
        for page in self.stack.findChildren(Page):
            if page.isVisible():
                page.close_page()
                return True
        if self.presenting:
            self.toggle_presentation()
            return True
        return False

    # --- presentation

    @property
    def presenting(self) -> bool:
        """Whether the presentation is shown."""
        return self.stack.currentIndex() == 1

    def toggle_presentation(self) -> None:
        """Show the presentation on the full screen, or go back to the window as it was."""
        if self.presenting:
            self.stack.setCurrentIndex(0)
            self._window.setWindowState(self._state_before)
            self._view.video.setFocus()
            return
        if self.presentation is None:
            from emolive.gui.widgets.presentation_view import PresentationView

            self.presentation = PresentationView()
            self.stack.addWidget(self.presentation)
        self._state_before = self._window.windowState()
        self.stack.setCurrentIndex(1)
        self._window.setWindowState(self._state_before | Qt.WindowState.WindowFullScreen)
        self.presentation.setFocus()
        if self._state is not None:
            self.show_state(self._state)

    # --- pages

    def welcome_once(self) -> None:
        """Show the welcome page at the first start; later, whose baseline is there to be used."""
        if not self._settings.flag("welcomed", False):
            self.open_welcome()
            return
        last = self._settings.choice("person", "")
        if last and any(person.name == last for person in saved_people()):
            self._presenter.log.say(
                tr("{name} was here last. Press U to use their baseline, if that is you.", name=last)
            )

    def remember_person(self) -> None:
        """Remember who was here last, to be asked for next time."""
        self._settings.set_choice("person", self._controller.config.person)

    def open_welcome(self) -> None:
        """Show the welcome page from its beginning."""
        self.welcome.set_title(tr("Welcome to emolive"))
        self.welcome.show_promises()
        self.welcome.open_page()

    def open_log(self) -> None:
        """Show what is wrong now and what was said."""
        snapshot = self._controller.snapshot()
        serious = () if self._state is None else serious_statuses(self._state.status.statuses)
        present = [strings.status_sentence(status) for status in serious]
        self.log.show_entries(present if snapshot is not None else (), self._presenter.log.entries)
        self.log.open_page()

    def open_model(self) -> None:
        """Show the card of the model in use, and how it runs."""
        snapshot = self._controller.snapshot()
        path = None if snapshot is None else snapshot.checkpoint
        rows: tuple[tuple[str, str], ...] = ()
        note = tr("No model is loaded.")
        if snapshot is not None and path is not None:
            try:
                rows, note = model_card(path), ""
            except EmoliveError as error:
                note = strings.session_text(str(error))
            statuses = (status for status in snapshot.statuses if status.source == "model")
            note = " ".join([note, *map(strings.status_text, statuses)]).strip()
        self.model.show_card(rows, note)
        self.model.open_page()

    def open_people(self) -> None:
        """Show the people with a saved baseline."""
        self._list_people()
        self.people.open_page()

    def start_tour(self) -> None:
        """Name the parts of the window, one after the other."""
        view = self._view
        if self.presenting:
            self.toggle_presentation()
        steps = [
            TourStep(
                lambda: view.video, tr("Your picture, as in a mirror. The box shows whose face is read.")
            ),
            TourStep(lambda: view.side, tr("The answer: the likeliest emotion, and how likely each one is.")),
            TourStep(
                lambda: view.controls,
                tr(
                    "Choose camera, microphone and fusion. Calibrate compares you with your own neutral face."
                ),
            ),
            TourStep(
                lambda: view.status_bar,
                tr("The state of each part. A click shows what is wrong, in sentences."),
            ),
            TourStep(
                lambda: view.controls.more,
                tr("Everything else, with its key. P fills the screen for an audience, ? lists all keys."),
            ),
        ]
        self.tour.start(steps)

    def _show_page(self, name: str) -> None:
        if hasattr(self._view, "results"):
            self._view.results.show_page(name)

    def _next_theme(self) -> None:
        self._presenter.log.say(self.theme.next())

    def _status_sentences(self) -> tuple[str, ...]:
        if self._state is None:
            return ()
        statuses = self._state.status.statuses
        return tuple(f"{status.source}: {status.code}: {status.text}" for status in statuses)

    def _list_people(self) -> None:
        self.people.show_people(saved_people(), self._controller.config.person)

    def _use_person(self, name: str) -> None:
        self._controller.set_option("person", name)
        self._controller.set_option("baseline", "neutral")
        self._presenter.baseline.request("neutral")
        self.people.close_page()

    def _delete_person(self, name: str) -> None:
        try:
            forget_person(name)
        except EmoliveError as error:
            self._presenter.log.say(strings.session_text(str(error)), "warning")
        else:
            self._presenter.log.say(tr("The baseline of {name} is deleted.", name=name))
        self._list_people()
