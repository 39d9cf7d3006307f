"""The row of status badges at the bottom."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from emolive.gui import strings
from emolive.gui.i18n import tr
from emolive.gui.theme import COLORS, scaled
from emolive.types import Status

SPACING_PX, SHORT_SPACING_PX = 6, 3


class StatusBadge(QLabel):
    """One status of the session: a coloured dot, a name, a word; the tooltip is the sentence."""

    clicked = Signal()

    def __init__(self, source: str) -> None:
        super().__init__()
        self.setObjectName("badge")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.source = source
        self._status: Status | None = None
        self._compact = self._short = self._small = False
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._update_text()

    @property
    def status(self) -> Status | None:
        """The status shown."""
        return self._status

    def show_status(self, status: Status | None) -> None:
        """Show a status; None where there is none."""
        if status != self._status:
            self._status = status
            self._update_text()

    def set_compact(self, compact: bool, *, short: bool = False, small: bool = False) -> None:
        """Leave the word out where all is well, to save room; `short`: with a shorter name, too; `small`: in
        smaller letters and without any word, for languages with long names."""
        if (compact, short, small) != (self._compact, self._short, self._small):
            self._compact, self._short, self._small = compact, short, small
            self.setProperty("short", short)
            self.setProperty("small", small)
            self.style().unpolish(self)
            self.style().polish(self)  # the style sheet depends on the property
            self._update_text()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.clicked.emit()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_short"):
            self._update_text()  # its colours are in its text

    def full_width(self) -> int:
        """Width with the word."""
        return self.fontMetrics().horizontalAdvance(f"●  {self._title} {self._value}") + round(scaled(26))

    @property
    def _title(self) -> str:
        return strings.badge_title(self.source)

    @property
    def _value(self) -> str:
        return strings.badge_value(self._status) if self._status is not None else ""

    def _update_text(self) -> None:
        status = self._status
        color = COLORS.levels[status.level] if status is not None else COLORS.line
        if status is not None and status.code in ("ended", "unknown"):
            color = COLORS.faint
        hidden = status is None or self._small or (self._compact and status.level in ("ok", "info"))
        value = "" if hidden else f' <span style="color:{COLORS.dim}">{self._value}</span>'
        title, gap = (
            (strings.badge_short_title(self.source), " ") if self._short else (self._title, "&nbsp; ")
        )
        self.setText(f'<span style="color:{color}">●</span>{gap}{title}{value}')
        text = strings.status_text(status) if status is not None else tr("No status yet.")
        sentence = tr("{badge}: {value}", badge=self._title, value=text)
        self.setToolTip(sentence)
        self.setAccessibleName(sentence)
        if self.source == "latency":  # its number changes in width and must not move its neighbours
            self.setMinimumWidth(0 if hidden else max(self.minimumWidth(), self.sizeHint().width()))


class StatusBadgeRow(QWidget):
    """All badges in a fixed order; sources that are not in the list get a badge behind them."""

    clicked = Signal()
    """One of the badges was clicked."""

    def __init__(self) -> None:
        super().__init__()
        self.badges: dict[str, StatusBadge] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(round(scaled(SPACING_PX)))
        self._row.addStretch(1)
        for source in strings.BADGES:
            self._add(source)
        self.setMinimumWidth(1)

    def show_statuses(self, statuses: Iterable[Status]) -> None:
        """Show each status on the badge of its source."""
        latest = {status.source: status for status in statuses}
        for source in latest:
            if source not in self.badges:
                self._add(source)
        for source, badge in self.badges.items():
            badge.show_status(latest.get(source))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._fit()

    def _add(self, source: str) -> None:
        badge = self.badges[source] = StatusBadge(source)
        badge.clicked.connect(self.clicked)
        self._row.insertWidget(self._row.count() - 1, badge)

    def _fit(self) -> None:
        needed = sum(badge.full_width() + scaled(SPACING_PX) for badge in self.badges.values())
        compact = needed > self.width()
        short = compact and needed > 1.25 * self.width()
        self._row.setSpacing(round(scaled(SHORT_SPACING_PX if short else SPACING_PX)))
        for badge in self.badges.values():
            badge.set_compact(compact, short=short)
        if short and self._overflows():
            for badge in self.badges.values():
                badge.set_compact(True, short=True, small=True)

    def _overflows(self) -> bool:
        gaps = self._row.spacing() * (len(self.badges) - 1)
        return sum(badge.sizeHint().width() for badge in self.badges.values()) + gaps > self.width()
