"""The right-hand column: the label in large letters, its modality, and pages of details."""

from __future__ import annotations

import time

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from emolive.gui.i18n import noop, tr
from emolive.gui.theme import COLORS, SIZES, label_color, scaled
from emolive.gui.view_state import EstimateView, ResultState
from emolive.gui.widgets.affect_view import AffectView
from emolive.gui.widgets.bars import Bars
from emolive.gui.widgets.fitted_label import FittedLabel
from emolive.gui.widgets.why_view import WhyView

FADE_STEP_S = 0.1
"""While it fades, it is painted at most this often."""
LOW_PX, LOWEST_PX = 190, 150
"""Below the first height, at the designed scale, there are no buttons, below the second no second line."""
PAGES = {"bars": noop("Bars"), "affect": noop("Valence"), "why": noop("Why")}
_TOOLTIPS = {
    "bars": noop("The probability of each emotion (B)"),
    "affect": noop("Pleasant or not, excited or quiet: derived from the bars (V)"),
    "why": noop("Where the answer comes from (W)"),
}


class ResultsPanel(QWidget):
    """Shows the newest estimate; without a new one it fades to empty."""

    page_changed = Signal(str)
    """The name of the page that is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.headline = FittedLabel(SIZES.headline_px)
        self.headline.setObjectName("headline")
        self.subline = QLabel()
        self.subline.setObjectName("subline")
        self.subline.setTextFormat(Qt.TextFormat.PlainText)
        self.subline.setWordWrap(True)
        self.bars = Bars()
        self.affect = AffectView()
        self.why = WhyView()
        self._stack = QStackedWidget()
        for page in (self.bars, self.affect, self.why):
            self._stack.addWidget(page)
        self._buttons = {name: QPushButton(tr(title)) for name, title in PAGES.items()}
        group = QButtonGroup(self)
        row = QHBoxLayout()
        row.setSpacing(4)
        for name, button in self._buttons.items():
            button.setObjectName("tab")
            button.setCheckable(True)
            button.setToolTip(tr(_TOOLTIPS[name]))
            button.setMinimumWidth(40)
            button.clicked.connect(lambda _=False, name=name: self.show_page(name))
            group.addButton(button)
            row.addWidget(button, 1)
        self._buttons["bars"].setChecked(True)
        self._tab_row = QWidget()
        self._tab_row.setLayout(row)
        row.setContentsMargins(0, 0, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.headline)
        layout.addWidget(self.subline)
        layout.addSpacing(6)
        layout.addWidget(self._stack, 1)
        layout.addSpacing(6)
        layout.addWidget(self._tab_row)
        self._state: tuple[EstimateView | None, float, str, bool] | None = None
        self._painted_s = 0.0

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Where there is little room it is for the bars: keys change the page, too."""
        super().resizeEvent(event)
        self._tab_row.setVisible(self.height() >= scaled(LOW_PX))
        self.subline.setVisible(self.height() >= scaled(LOWEST_PX))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(120, round(scaled(110)))

    @property
    def tabs(self) -> tuple[QPushButton, ...]:
        """The buttons of the pages, in order."""
        return tuple(self._buttons.values())

    @property
    def page(self) -> str:
        """The name of the page that is shown."""
        return tuple(PAGES)[self._stack.currentIndex()]

    def show_page(self, name: str) -> None:
        """Show a page of `PAGES`."""
        self._buttons[name].setChecked(True)
        if name != self.page:
            self._stack.setCurrentIndex(tuple(PAGES).index(name))
            self.page_changed.emit(name)

    def show_result(self, result: ResultState) -> None:
        """Show changes: a new estimate at once, so that its number equals the one on the video."""
        now_s = time.monotonic()
        if self.page == "why":
            self.why.show_why(result.why)
        state = (result.estimate, result.presence, result.waiting, result.ended)
        fading = 0 < result.presence < 1 and now_s - self._painted_s < FADE_STEP_S
        if state == self._state or fading:
            return
        self._state, self._painted_s = state, now_s
        if result.estimate is not None:
            self.bars.set_labels(result.estimate.labels)
            emphasized = () if result.current is None else result.current.emphasized
            self.bars.show_values(result.estimate.probs, emphasized, presence=result.presence)
        self.affect.show_result(result)
        self._show_text(result)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._state = None  # the colour of the headline is that of the theme

    def _show_text(self, result: ResultState) -> None:
        color, headline, subline = QColor(COLORS.faint), "–", result.waiting
        if (estimate := result.current) is not None:
            color = label_color(estimate.labels, estimate.leader) or QColor(COLORS.dim)
            headline = estimate.caption.capitalize()
            subline = tr("from {modality}", modality=estimate.modality)
            if result.ended:
                subline = tr("ended · last answer, from {modality}", modality=estimate.modality)
        self.headline.show_text(headline, color)
        self.subline.setText(subline)
