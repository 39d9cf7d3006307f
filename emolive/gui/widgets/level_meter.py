"""The level of the audio as a thin line."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, scaled

FLOOR_DBFS = -60.0
LOUD = 0.95
"""From this fraction of the scale on it warns of clipping."""
FALL = 0.03
"""The line falls by at most this fraction of the scale per update."""


class LevelMeter(QWidget):
    """Fast attack and slow release, so that peaks stay visible."""

    def __init__(self, height_px: int | None = None) -> None:
        """`height_px`: by default that of a thin line."""
        super().__init__()
        self.setFixedHeight(height_px or round(scaled(4)))
        self.setToolTip(tr("Audio level"))
        self.setAccessibleName(tr("Audio level"))
        self._level = 0.0

    @property
    def level(self) -> float:
        """Length of the line, 0..1."""
        return self._level

    def show_level(self, dbfs: float) -> None:
        """Show a level in dB relative to full scale."""
        level = min(1.0, max(0.0, 1.0 - dbfs / FLOOR_DBFS))
        level = max(level, self._level - FALL)
        if round(level, 2) != round(self._level, 2):
            self.setAccessibleDescription(f"{round(100 * level)} %")
            self.update()
        self._level = level

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(COLORS.groove))
        color = COLORS.levels["warning" if self._level > LOUD else "ok"]
        painter.fillRect(0, 0, round(self.width() * self._level), self.height(), QColor(color))
