"""The row of controls at the top."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.services import FusionChoice
from emolive.gui.theme import SIZES
from emolive.gui.view_state import ControlState
from emolive.gui.widgets.calibration_button import CalibrationButton
from emolive.gui.widgets.dropdown import Dropdown
from emolive.gui.widgets.level_meter import LevelMeter
from emolive.gui.widgets.person_field import PersonField
from emolive.gui.widgets.picker import Picker


class Controls(QWidget):
    """Lays out the controls; each of them emits the user's choice."""

    def __init__(self, fusions: Sequence[FusionChoice]) -> None:
        super().__init__()
        self.source = Picker(
            tr("Video"),
            {name: strings.source_title(name) for name in ("auto", "demo", "none")},
            {"file": tr("Open a file…"), "stream": tr("Stream address…")},
            searching=tr("Looking for cameras…"),
            empty_text=tr("No cameras found"),
        )
        self.mic = Picker(
            tr("Audio"),
            {name: strings.mic_title(name) for name in ("auto", "default", "none")},
            {},
            searching=tr("Looking for microphones…"),
            empty_text=tr("No microphones found"),
        )
        self.level = LevelMeter()
        self.fusion = Dropdown(tr("Fusion"))
        self.fusion.fill(
            {fusion.name: strings.fusion_title(fusion.name, fusion.title) for fusion in fusions},
            {fusion.name: fusion.problem for fusion in fusions if fusion.problem},
        )
        self.baseline = Dropdown(tr("Baseline"))
        self.baseline.fill(strings.baseline_titles())
        self.person = PersonField()
        self.calibration = CalibrationButton()
        self.more = QToolButton()
        self.more.setText(tr("More"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SIZES.gap_px)
        row.addLayout(_column(tr("Video"), self.source), 4)
        row.addLayout(_column(tr("Audio"), self.mic, self.level), 4)
        row.addLayout(_column(tr("Fusion"), self.fusion), 4)
        row.addLayout(_column(tr("Baseline"), self.baseline), 2)
        row.addLayout(_column(tr("Person"), self.person), 2)
        row.addLayout(_column("", self.calibration))
        row.addLayout(_column("", self.more))

    def show_state(self, state: ControlState) -> None:
        """Show the values in use."""
        self.fusion.show_value(state.fusion)
        self.baseline.show_value(state.baseline)
        self.person.show_person(state.person)
        self.calibration.show_progress(state.calibration)
        self.calibration.setEnabled(state.can_calibrate)
        self.level.show_level(state.voice_dbfs)


def _column(caption: str, widget: QWidget, below: QWidget | None = None) -> QVBoxLayout:
    """A control under its caption; without `below` an equal space, so that all controls are level."""
    column = QVBoxLayout()
    column.setSpacing(3)
    label = QLabel(caption)
    label.setObjectName("caption")
    column.addWidget(label)
    column.addWidget(widget)
    if below is not None:
        column.addWidget(below)
    else:
        column.addSpacing(4 + column.spacing())
    column.setAlignment(widget, Qt.AlignmentFlag(0))
    return column
