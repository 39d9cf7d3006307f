"""The answers of several fusions to the same window, side by side."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from emolive.gui.i18n import tr
from emolive.gui.presenter import estimate_view
from emolive.gui.theme import COLORS, SIZES, emotion_colors, font, label_color
from emolive.types import Estimate

HEIGHT_PX = 92
BARS_SHARE = 0.56
"""Of a card's width."""


class ComparisonPanel(QWidget):
    """A card for each fusion, the chosen one outlined: name, label with its probability, and bars."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Fusions side by side"))
        self.estimates: tuple[Estimate, ...] = ()
        """The estimates shown, that of the chosen fusion first."""

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(400, HEIGHT_PX)

    def show_estimates(self, estimates: tuple[Estimate, ...]) -> None:
        """Show the estimates of one window."""
        if estimates != self.estimates:
            self.estimates = estimates
            self.setAccessibleDescription("; ".join(self.texts))
            self.update()

    @property
    def texts(self) -> tuple[str, ...]:
        """Fusion and caption of each card."""
        return tuple(f"{each.fusion}: {estimate_view(each).caption}" for each in self.estimates)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        gap = SIZES.gap_px
        width = (self.width() - gap * (len(self.estimates) - 1)) / max(1, len(self.estimates))
        for index, estimate in enumerate(self.estimates):
            card = QRectF(index * (width + gap), 0, width, self.height())
            self._paint_card(painter, card, estimate, chosen=index == 0)

    def _paint_card(self, painter: QPainter, card: QRectF, estimate: Estimate, *, chosen: bool) -> None:
        view = estimate_view(estimate)
        colors = emotion_colors(view.labels)
        painter.setPen(QColor(COLORS.accent if chosen else COLORS.line))
        painter.setBrush(QColor(COLORS.surface))
        painter.drawRoundedRect(
            card.adjusted(0.5, 0.5, -0.5, -0.5), SIZES.panel_radius_px, SIZES.panel_radius_px
        )
        inner = card.adjusted(12, 8, -12, -8)
        text = QRectF(inner.left(), inner.top(), inner.width() * (1 - BARS_SHARE) - 8, inner.height())
        painter.setPen(QColor(COLORS.dim))
        painter.setFont(font(SIZES.note_px))
        top = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        painter.drawText(text, top, estimate.fusion)
        painter.drawText(text, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, view.modality)
        painter.setPen(label_color(view.labels, view.leader) or QColor(COLORS.dim))
        painter.setFont(font(SIZES.large_px + 3, bold=True))
        middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(text, middle, view.caption.capitalize())
        bars = QRectF(text.right() + 8, inner.top(), inner.right() - text.right() - 8, inner.height())
        self._paint_bars(painter, bars, view.probs, colors)

    def _paint_bars(
        self, painter: QPainter, area: QRectF, probs: tuple[float, ...], colors: tuple[QColor, ...]
    ) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        step = area.width() / max(1, len(probs))
        for index, (prob, color) in enumerate(zip(probs, colors, strict=True)):
            column = QRectF(area.left() + index * step + 1, area.top(), max(2.0, step - 3), area.height())
            painter.setBrush(QColor(COLORS.raised))
            painter.drawRect(column)
            painter.setBrush(color)
            painter.drawRect(column.adjusted(0, column.height() * (1 - prob), 0, 0))
