"""Lays out everything in the window."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from emolive.gui.services import FusionChoice
from emolive.gui.theme import SIZES, scaled
from emolive.gui.view_state import WindowState
from emolive.gui.widgets.controls import Controls
from emolive.gui.widgets.help_view import HelpView
from emolive.gui.widgets.source_offers import SourceOffers
from emolive.gui.widgets.status_bar import StatusBar
from emolive.gui.widgets.video_view import VideoView

if TYPE_CHECKING:
    from emolive.gui.widgets.results_panel import ResultsPanel
    from emolive.gui.widgets.timeline import Timeline

TIMELINE_FROM_PX = 520
"""Height of the window, at the designed scale, from which on there is room for the timeline."""


class CentralView(QWidget):
    """Controls at the top, video and results in the middle, timeline and status bar below."""

    results: ResultsPanel
    """There after `add_plots`."""
    timeline: Timeline
    """There after `add_plots`."""

    def __init__(self, fusions: Sequence[FusionChoice]) -> None:
        super().__init__()
        self.controls = Controls(fusions)
        self.video = VideoView()
        self.offers = SourceOffers()
        self.status_bar = StatusBar()
        self.side = _panel()
        self._has_plots = False
        self.side_layout = QVBoxLayout(self.side)
        self.side_layout.setContentsMargins(*_margins(16, 10, 16, 10))
        middle = QHBoxLayout()
        middle.setSpacing(SIZES.gap_px)
        stage = QVBoxLayout()
        stage.setSpacing(0)
        stage.addWidget(self.video, 1)
        stage.addWidget(self.offers)
        middle.addLayout(stage, 1)
        middle.addWidget(self.side)
        self._timeline_panel = _panel()
        self._timeline_layout = QVBoxLayout(self._timeline_panel)
        self._timeline_layout.setContentsMargins(*_margins(8, 8, 12, 4))
        self._rows = layout = QVBoxLayout(self)
        layout.setContentsMargins(*_margins(12, 8, 12, 8))
        layout.setSpacing(SIZES.gap_px)
        layout.addWidget(self.controls)
        layout.addLayout(middle, 1)
        layout.addWidget(self._timeline_panel)
        layout.addWidget(self.status_bar)
        self.help = HelpView(self)
        self.video.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._timeline_wanted = True

    def add_plots(self) -> None:
        """Add results and timeline. Separate, because importing pyqtgraph takes longer than showing a
        window."""
        from emolive.gui.widgets.results_panel import ResultsPanel
        from emolive.gui.widgets.timeline import Timeline

        self.results = ResultsPanel()
        self.side_layout.addWidget(self.results)
        self.timeline = Timeline()
        self._timeline_layout.addWidget(self.timeline)
        self._has_plots = True
        order = [self.video, *self.results.tabs, self.timeline, *self.status_bar.badges.badges.values()]
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)

    def add_panel(self, panel: QWidget) -> None:
        """Add a panel above the status bar."""
        self._rows.insertWidget(self._rows.indexOf(self.status_bar), panel)

    def show_state(self, state: WindowState) -> None:
        """Show a state of the window. Cheap if called often: every widget repaints only on changes."""
        self.video.show_state(state.video)
        self.status_bar.show_state(state.status)
        self.controls.show_state(state.controls)
        message = state.video.message
        self.offers.setVisible(message is not None and message.offers)
        if self._has_plots:
            self.results.show_result(state.result)
            self.timeline.show_result(state.result)

    def set_timeline_visible(self, visible: bool) -> None:
        """Show or hide the timeline with its panel."""
        self._timeline_wanted = visible
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Divide the room; a window that is too low for it has no timeline."""
        low = self.height() < scaled(TIMELINE_FROM_PX)
        self._timeline_panel.setVisible(self._timeline_wanted and not low)
        timeline_px = max(scaled(118), min(scaled(210), self.height() / 5))
        self._timeline_panel.setFixedHeight(round(timeline_px))
        self.side.setFixedWidth(round(max(scaled(200), min(scaled(420), self.width() * 0.27))))


def _margins(*designed_px: int) -> tuple[int, ...]:
    return tuple(round(scaled(px)) for px in designed_px)


def _panel() -> QFrame:
    panel = QFrame()
    panel.setObjectName("panel")
    return panel
