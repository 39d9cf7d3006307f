"""The row on top: what is watched and heard, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from emolive.gui import strings as words
from emolive.gui import theme
from emolive.gui.picker import Picker, draw_arrow

FLOOR_DBFS = -60.0


class Dropdown(QComboBox):
    """A combo box of (value, title) that a passing mouse wheel does not change."""

    chosen = Signal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(6)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.activated.connect(lambda _: self.chosen.emit(self.currentData()))

    def fill(self, items: Mapping[str, str]) -> None:
        self.clear()
        for value, title in items.items():
            self.addItem(title, value)
        width = max((self.fontMetrics().horizontalAdvance(title) for title in items.values()), default=0)
        self.view().setMinimumWidth(width + 44)

    def show_value(self, value: str) -> None:
        """Select without asking for anything."""
        if self.currentData() != value and not self.view().isVisible():
            self.setCurrentIndex(self.findData(value))
            self.setToolTip(self.currentText())

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        room = self.width() - 40
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideRight, room
        )
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        draw_arrow(painter, self.width() - 14.0, self.height() / 2)


class LevelMeter(QWidget):
    """A thin line that is as long as the sound is loud."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(4)
        self.setToolTip("Level of the sound")
        self._part = 0.0

    def show_level(self, dbfs: float) -> None:
        part = min(1.0, max(0.0, 1.0 - dbfs / FLOOR_DBFS))
        part = max(part, self._part - 0.03)  # falls slowly, so that the eye can follow
        if round(part, 2) != round(self._part, 2):
            self.update()
        self._part = part

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.RAISED))
        loud = self._part > 0.95
        color = theme.LEVEL_COLORS["warning" if loud else "ok"]
        painter.fillRect(0, 0, round(self.width() * self._part), self.height(), QColor(color))


class Controls(QWidget):
    """Pickers, dropdowns and the calibration; it only says what was wanted."""

    person_chosen = Signal(str)
    calibrate_wanted = Signal()

    def __init__(self, fusions: Mapping[str, str]) -> None:
        super().__init__()
        self.source = Picker(
            "Picture",
            "cameras",
            first=(("auto", "Automatic"), ("demo", "Drawn demo"), ("none", "No picture")),
            last=(("file", "Open a file…"), ("stream", "Stream address…")),
        )
        self.mic = Picker(
            "Sound",
            "microphones",
            first=(("auto", "Automatic"), ("default", "Default microphone"), ("none", "No sound")),
            last=(),
        )
        self.level = LevelMeter()
        self.fusion = Dropdown("Fusion")
        self.fusion.fill(fusion_titles(fusions))
        self.baseline = Dropdown("Baseline")
        self.baseline.fill(words.BASELINES)
        self.person = QLineEdit()
        self.person.setAccessibleName("Person")
        self.person.setPlaceholderText("name")
        self.person.setMinimumWidth(60)
        self.person.editingFinished.connect(self._person_edited)
        self._person_shown = ""
        self.calibrate = QPushButton("Calibrate 5 s")
        self.calibrate.setObjectName("primary")
        self.calibrate.setToolTip("Look and sound neutral for five seconds (C)")
        self.calibrate.clicked.connect(self.calibrate_wanted)
        self._progress = QProgressBar()
        self._progress.setRange(0, 100)
        self._progress.setFormat("%p %")
        self._calibration = QStackedWidget()
        self._calibration.addWidget(self.calibrate)
        self._calibration.addWidget(self._progress)
        self._calibration.setFixedHeight(30)
        self._calibration.setFixedWidth(124)
        self.more = QToolButton()
        self.more.setText("More")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for read_segment, caption, widget, below in (
            (4, "Picture", self.source, None),
            (4, "Sound", self.mic, self.level),
            (4, "Fusion", self.fusion, None),
            (2, "Baseline", self.baseline, None),
            (2, "Person", self.person, None),
            (0, "", self._calibration, None),
            (0, "", self.more, None),
        ):
            row.addLayout(_column(caption, widget, below), read_segment)

    def show_calibration(self, progress: float | None) -> None:
        """Progress 0..1 in place of the button; None brings the button back."""
        self._calibration.setCurrentIndex(0 if progress is None else 1)
        if progress is not None:
            self._progress.setValue(round(100 * progress))

    @property
    def calibrating(self) -> bool:
        return self._calibration.currentIndex() == 1

    def show_person(self, person: str) -> None:
        """Write the name, unless somebody is typing another."""
        self._person_shown = person
        if not self.person.hasFocus() and self.person.text() != person:
            self.person.setText(person)

    def _person_edited(self) -> None:
        name = self.person.text().strip()
        self.person.clearFocus()
        if name and name != self._person_shown:
            self.person_chosen.emit(name)
        elif not name:
            self.person.setText(self._person_shown)


def fusion_titles(fusions: Mapping[str, str]) -> dict[str, str]:
    """Titles as the dropdown shows them."""
    return {name: f"{title.capitalize()} ({name})" for name, title in fusions.items()}


def _column(caption: str, widget: QWidget, below: QWidget | None) -> QVBoxLayout:
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
