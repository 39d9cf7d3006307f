"""The page with the settings of the model: opens and feeds it, and passes choices to the session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from emolive.gui import strings
from emolive.gui.controller import Option, SessionController
from emolive.gui.i18n import tr
from emolive.gui.model_choices import Choice, chosen_values, model_choices, option_value
from emolive.gui.services import FusionChoice, Services
from emolive.gui.tasks import TaskRunner
from emolive.gui.widgets.settings_view import SettingsView
from emolive.snapshot import Snapshot


class ModelSettings(QObject):
    """Made with the window; the page itself when it is first opened.

    Args:
        stack: what the page lies over.
        controller: of the session.
        services: says what this computer can compute on.
        fusions: those that can be chosen.
        choose_fusion: answers with another fusion.
    """

    load_wanted = Signal()
    """A checkpoint is to be chosen."""

    def __init__(
        self,
        stack: QWidget,
        controller: SessionController,
        services: Services,
        fusions: Sequence[FusionChoice],
        choose_fusion: Callable[[str], None],
    ) -> None:
        super().__init__(stack)
        self._stack, self._controller, self._services = stack, controller, services
        self._fusions, self._choose_fusion = fusions, choose_fusion
        self._tasks = TaskRunner("emolive-gui-compute")
        self.view: SettingsView | None = None
        """There once it was opened."""

    def open(self) -> None:
        """Show the page, and look what this computer can compute on."""
        if self.view is None:
            self.view = SettingsView(self._stack, (self._fusion_choice(), *model_choices()))
            self.view.chosen.connect(self._choose)
            self.view.load_wanted.connect(self.load_wanted)
            self._tasks.submit(self._services.compute_problems, self._show_devices)
        self.view.open_page()
        self.show(self._controller.snapshot(), self._controller.config.fusion)

    def show(self, snapshot: Snapshot | None, fusion: str) -> None:
        """Show what is in use, while the page is open.

        Args:
            snapshot: the newest one.
            fusion: the one that is shown as chosen elsewhere, too.
        """
        if self.view is None or not self.view.isVisible():
            return
        values = {**chosen_values(self._controller.config), "fusion": fusion}
        model = None
        if snapshot is not None:
            model = next((status for status in snapshot.statuses if status.source == "model"), None)
        path = None if snapshot is None else snapshot.checkpoint
        self.view.show_values(
            values,
            checkpoint="–" if path is None else path.name,
            in_use="" if model is None else strings.status_text(model),
        )

    def close(self) -> None:
        """Look for nothing more."""
        self._tasks.close()

    def _fusion_choice(self) -> Choice:
        return Choice(
            "fusion",
            tr("Fusion"),
            {each.name: strings.fusion_title(each.name, each.title) for each in self._fusions},
            {each.name: strings.fusion_explanation(each.name) for each in self._fusions},
            {each.name: each.problem for each in self._fusions if each.problem},
        )

    def _show_devices(self, problems: dict[str, str]) -> None:
        assert self.view is not None
        for choice in model_choices(problems):
            if choice.option == "device":
                self.view.fill(choice)

    def _choose(self, option: str, value: str) -> None:
        if option == "fusion":
            self._choose_fusion(value)
        else:
            self._controller.set_option(cast(Option, option), option_value(option, value))
