"""The row of state chips at the bottom."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from emolive.gui import strings as words
from emolive.gui import theme
from emolive.types import Status


class StatusBadge(QLabel):
    """One part of the session: a coloured dot, its name and a word; the sentence is the tooltip."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.status: Status | None = None
        self._terse = False
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setStyleSheet(
            f"background: {theme.SURFACE}; border: 1px solid {theme.LINE}; border-radius: 9px;"
            "padding: 2px 9px; font-size: 12px; min-height: 16px; max-height: 16px;"
        )
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._write()

    def show_status(self, status: Status | None) -> None:
        if status != self.status:
            self.status = status
            self._write()

    def set_terse(self, terse: bool) -> None:
        """Leave the word out where all is well, to save room."""
        if terse != self._terse:
            self._terse = terse
            self._write()

    def full_width(self) -> int:
        """How wide it would like to be with its word."""
        return self.fontMetrics().horizontalAdvance(f"●  {self._title} {self._word}") + 26

    @property
    def _title(self) -> str:
        return words.CHIPS.get(self.source, self.source.capitalize())

    @property
    def _word(self) -> str:
        return words.chip_word(self.status) if self.status is not None else ""

    def _write(self) -> None:
        color = theme.LEVEL_COLORS[self.status.level] if self.status is not None else theme.LINE
        quiet = self.status is None or (self._terse and self.status.level in ("ok", "info"))
        word = "" if quiet else f' <span style="color:{theme.DIM}">{self._word}</span>'
        self.setText(f'<span style="color:{color}">●</span>&nbsp; {self._title}{word}')
        text = self.status.text if self.status is not None else "Nothing to say yet."
        self.setToolTip(f"{self._title}: {text}")
        self.setAccessibleName(f"{self._title}: {text}")
        if self.source == "latency":  # a figure that comes and goes must not push its neighbour about
            self.setMinimumWidth(0 if quiet else max(self.minimumWidth(), self.sizeHint().width()))


class StatusBadgeRow(QWidget):
    """All chips in a steady order; sources it did not know get a chip behind them."""

    def __init__(self) -> None:
        super().__init__()
        self.chips: dict[str, StatusBadge] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        self._row.addStretch(1)
        for source in words.CHIPS:
            self._add(source)
        self.setMinimumWidth(1)

    def show_statuses(self, statuses: Iterable[Status]) -> None:
        latest = {status.source: status for status in statuses}
        for source in latest:
            if source not in self.chips:
                self._add(source)
        for source, chip in self.chips.items():
            chip.show_status(latest.get(source))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._fit()

    def _add(self, source: str) -> None:
        chip = self.chips[source] = StatusBadge(source)
        self._row.insertWidget(self._row.count() - 1, chip)

    def _fit(self) -> None:
        wanted = sum(chip.full_width() + self._row.spacing() for chip in self.chips.values())
        for chip in self.chips.values():
            chip.set_terse(wanted > self.width())
