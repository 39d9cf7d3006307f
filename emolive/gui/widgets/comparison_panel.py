"""The answers of several fusions to the same window, side by side."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from emolive.gui.i18n import tr
from emolive.gui.presenter import estimate_view
from emolive.gui.theme import COLORS, SIZES, emotion_colors, font, label_color, scaled
from emolive.gui.widgets.fitted_label import fitting_size
from emolive.types import Estimate

HEIGHT_PX = 92
BARS_SHARE, NARROW_BARS_SHARE = 0.5, 0.42
"""Of a card's width; the second of a narrow card's, whose words need the room."""
NARROW_PX = 260


class ComparisonPanel(QWidget):
    """A card for each fusion, the chosen one outlined: name, label with its probability, and bars."""

    def __init__(self, titles: Mapping[str, str] | None = None) -> None:
        """`titles`: of the fusions, by name."""
        super().__init__()
        self._titles = dict(titles or {})
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Fusions side by side"))
        self.estimates: tuple[Estimate, ...] = ()
        """The estimates shown, that of the chosen fusion first."""

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(400, round(scaled(HEIGHT_PX)))

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
        titles = [self._titles.get(each.fusion, each.fusion) for each in self.estimates]
        room_px = width * (1 - _bars_share(width)) - scaled(24)
        metrics = QFontMetricsF(font(SIZES.note_px))
        if any(metrics.horizontalAdvance(title) > room_px for title in titles):
            titles = [each.fusion for each in self.estimates]  # all short, so that they read alike
        for index, estimate in enumerate(self.estimates):
            card = QRectF(index * (width + gap), 0, width, self.height())
            self._paint_card(painter, card, estimate, titles[index], chosen=index == 0)

    def _paint_card(
        self, painter: QPainter, card: QRectF, estimate: Estimate, title: str, *, chosen: bool
    ) -> None:
        view = estimate_view(estimate)
        colors = emotion_colors(view.labels)
        painter.setPen(QColor(COLORS.accent if chosen else COLORS.line))
        painter.setBrush(QColor(COLORS.surface))
        painter.drawRoundedRect(
            card.adjusted(0.5, 0.5, -0.5, -0.5), SIZES.panel_radius_px, SIZES.panel_radius_px
        )
        inner = card.adjusted(scaled(12), scaled(8), -scaled(12), -scaled(8))
        bars_share = _bars_share(card.width())
        text = QRectF(inner.left(), inner.top(), inner.width() * (1 - bars_share) - 8, inner.height())
        painter.setPen(QColor(COLORS.dim))
        painter.setFont(font(SIZES.note_px))
        top = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        painter.drawText(text, top, title)
        bottom = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
        elide = Qt.TextElideMode.ElideRight
        modality = painter.fontMetrics().elidedText(view.modality, elide, round(text.width()))
        painter.drawText(text, bottom, modality)
        painter.setPen(label_color(view.labels, view.leader) or QColor(COLORS.dim))
        caption = view.caption.capitalize()
        painter.setFont(font(fitting_size(caption, round(SIZES.large_px * 1.2), text.width()), bold=True))
        middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(text, middle, caption)
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


def _bars_share(card_width_px: float) -> float:
    return BARS_SHARE if card_width_px >= scaled(NARROW_PX) else NARROW_BARS_SHARE
