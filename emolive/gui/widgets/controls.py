"""The row of controls at the top."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.services import FusionChoice
from emolive.gui.theme import SIZES, scaled
from emolive.gui.view_state import ControlState
from emolive.gui.widgets.calibration_button import CalibrationButton
from emolive.gui.widgets.dropdown import Dropdown
from emolive.gui.widgets.level_meter import LevelMeter
from emolive.gui.widgets.person_field import PersonField
from emolive.gui.widgets.picker import Picker

TWO_ROW_COLUMNS = 12
ONE_ROW_OF_TEXT = 62
"""Narrower than this, in multiples of the text's size, the controls stand in two rows."""


class Controls(QWidget):
    """Lays out the controls; each of them emits the user's choice."""

    def __init__(self, fusions: Sequence[FusionChoice]) -> None:
        super().__init__()
        self.source = Picker(
            tr("Video"),
            {name: strings.source_title(name) for name in ("auto", "demo", "none")},
            {"file": tr("Open a file…"), "stream": tr("Stream address…"), "devices": tr("Preview…")},
            searching=tr("Looking for cameras…"),
            empty_text=tr("No cameras found"),
        )
        self.mic = Picker(
            tr("Audio"),
            {name: strings.mic_title(name) for name in ("auto", "default", "none")},
            {"devices": tr("Preview…")},
            searching=tr("Looking for microphones…"),
            empty_text=tr("No microphones found"),
        )
        self.level = LevelMeter()
        self.fusion = Dropdown(tr("Fusion"))
        self.fusion.fill(
            {fusion.name: strings.fusion_title(fusion.name, fusion.title) for fusion in fusions},
            {fusion.name: fusion.problem for fusion in fusions if fusion.problem},
            explanations={fusion.name: strings.fusion_explanation(fusion.name) for fusion in fusions},
        )
        self.baseline = Dropdown(tr("Baseline"))
        self.baseline.fill(strings.baseline_titles(), explanations=strings.baseline_explanations())
        self.person = PersonField()
        self.calibration = CalibrationButton()
        self.more = QToolButton()
        self.more.setText(tr("More"))
        self.more.setObjectName("more")
        self.more.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(SIZES.gap_px)
        self._columns = (
            (_column(tr("Video"), self.source), 4),
            (_column(tr("Audio"), self.mic, self.level), 4),
            (_column(tr("Fusion"), self.fusion), 4),
            (_column(tr("Baseline"), self.baseline), 2),
            (_column(tr("Person"), self.person), 2),
            (_column("", self.calibration), 0),
            (_column("", self.more), 0),
        )
        self._rows = 0
        self._arrange(1)

    @property
    def rows(self) -> int:
        """In how many rows the controls stand."""
        return self._rows

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._arrange(1 if self.width() >= ONE_ROW_OF_TEXT * SIZES.text_px else 2)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        # The controls move to two rows before they are cut off, so that the window may be narrower than one.
        return QSize(200, super().minimumSizeHint().height())

    def _arrange(self, rows: int) -> None:
        """Put the columns side by side, or into two rows."""
        if rows == self._rows:
            return
        self._rows = rows
        for column, _ in self._columns:
            self._grid.removeWidget(column)
        for index in range(max(len(self._columns), TWO_ROW_COLUMNS)):
            self._grid.setColumnStretch(index, 0)
        if rows == 1:
            for index, (column, stretch) in enumerate(self._columns):
                self._grid.addWidget(column, 0, index)
                self._grid.setColumnStretch(index, stretch)
            return
        # Three controls above, four below.
        for index, (column, _) in enumerate(self._columns):
            if index < 3:
                self._grid.addWidget(column, 0, index * 4, 1, 4)
            else:
                self._grid.addWidget(column, 1, (index - 3) * 3, 1, 3)
        for index in range(TWO_ROW_COLUMNS):
            self._grid.setColumnStretch(index, 1)

    def show_state(self, state: ControlState) -> None:
        """Show the values in use."""
        self.fusion.show_value(state.fusion)
        self.baseline.show_value(state.baseline)
        self.person.show_person(state.person)
        self.calibration.show_progress(state.calibration)
        self.calibration.setEnabled(state.can_calibrate)
        self.level.show_level(state.voice_dbfs)


def _column(caption: str, widget: QWidget, below: QWidget | None = None) -> QWidget:
    """A control under its caption; without `below` an equal space, so that all controls are level."""
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(round(scaled(3)))
    label = QLabel(caption)
    label.setObjectName("caption")
    label.setBuddy(widget)
    column.addWidget(label)
    column.addWidget(widget)
    if below is not None:
        column.addWidget(below)
    else:
        column.addSpacing(round(scaled(4)) + column.spacing())
    column.setAlignment(widget, Qt.AlignmentFlag(0))
    return holder
