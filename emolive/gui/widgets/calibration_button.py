"""Starts a calibration and shows its progress."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QProgressBar, QPushButton, QStackedWidget

from emolive.gui.i18n import tr
from emolive.gui.theme import SIZES, scaled


class CalibrationButton(QStackedWidget):
    """A button that turns into a progress bar during a calibration."""

    clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.button = QPushButton(tr("Calibrate 5 s"))
        self.button.setObjectName("primary")
        self.button.setToolTip(
            tr("Record five seconds of a neutral face and voice as this person's baseline (C)")
        )
        self.button.clicked.connect(self.clicked)
        self._progress = QProgressBar()
        self._progress.setRange(0, 100)
        self._progress.setAccessibleName(tr("Progress of the calibration"))
        self.addWidget(self.button)
        self.addWidget(self._progress)
        self.setFixedHeight(SIZES.control_height_px)
        self.setMinimumWidth(max(round(scaled(124)), self.button.sizeHint().width()))

    @property
    def running(self) -> bool:
        """Whether progress is shown."""
        return self.currentIndex() == 1

    def show_progress(self, progress: float | None) -> None:
        """Show progress, 0..1; None shows the button."""
        self.setCurrentIndex(0 if progress is None else 1)
        if progress is not None:
            self._progress.setFormat(tr("Get ready") if progress == 0 else "%p %")
            self._progress.setValue(round(100 * progress))
