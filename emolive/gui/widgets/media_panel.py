"""Below the picture: fusions side by side, and the transport of a file."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from emolive.gui.theme import SIZES
from emolive.gui.transport_presenter import TransportState
from emolive.gui.widgets.comparison_panel import ComparisonPanel
from emolive.gui.widgets.transport_bar import TransportBar
from emolive.types import Estimate


class MediaPanel(QWidget):
    """Shows each part only where there is something to show, and takes no room otherwise."""

    def __init__(self, titles: Mapping[str, str] | None = None) -> None:
        """`titles`: of the fusions, by name."""
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.comparison = ComparisonPanel(titles)
        self.transport = TransportBar()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SIZES.gap_px)
        layout.addWidget(self.comparison)
        layout.addWidget(self.transport)
        self.comparison.hide()
        self.transport.hide()
        self.hide()

    def show_state(self, transport: TransportState | None, estimates: tuple[Estimate, ...]) -> None:
        """Show the transport, and the estimates of several fusions; one alone is shown elsewhere."""
        compared = len(estimates) > 1
        if compared:
            self.comparison.show_estimates(estimates)
        if transport is not None:
            self.transport.show_state(transport)
        parts = ((self.comparison, compared), (self.transport, transport is not None))
        for widget, there in parts:
            if widget.isHidden() is there:
                widget.setVisible(there)
        if self.isHidden() is any(there for _, there in parts):
            self.setVisible(self.isHidden())
