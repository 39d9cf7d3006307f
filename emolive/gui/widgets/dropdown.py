"""A combo box of values with titles."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QPaintEvent, QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import QComboBox, QSizePolicy, QStyle, QStyleOptionComboBox, QStylePainter

from emolive.gui.theme import scaled
from emolive.gui.widgets.picker import draw_arrow

LIST_MARGIN_PX = 60
"""Beside the widest title in the opened list."""


class Dropdown(QComboBox):
    """Emits `chosen` only for choices of the user; the mouse wheel does not change it."""

    chosen = Signal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(6)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._explanations: dict[str, str] = {}
        self.activated.connect(self._choose)

    def fill(
        self,
        titles: Mapping[str, str],
        disabled: Mapping[str, str] | None = None,
        *,
        explanations: Mapping[str, str] | None = None,
    ) -> None:
        """Replace the entries.

        Args:
            titles: value → title.
            disabled: value → why it cannot be chosen, shown as the entry's tooltip.
            explanations: value → what it means, shown as the tooltip of the entry and of the control.
        """
        self.clear()
        self._explanations = dict(explanations or {})
        model = self.model()
        assert isinstance(model, QStandardItemModel)
        for row, (value, title) in enumerate(titles.items()):
            self.addItem(title, value)
            if reason := (disabled or {}).get(value):
                model.item(row).setEnabled(False)
                self.setItemData(row, reason, Qt.ItemDataRole.ToolTipRole)
            elif explanation := self._explanations.get(value):
                self.setItemData(row, explanation, Qt.ItemDataRole.ToolTipRole)
        width = max((self.fontMetrics().horizontalAdvance(title) for title in titles.values()), default=0)
        self.view().setMinimumWidth(width + LIST_MARGIN_PX)

    def show_value(self, value: str) -> None:
        """Select an entry, without `chosen`. A value that is not in the list is added to it."""
        if self.currentData() == value or self.view().isVisible():
            return
        if value and self.findData(value) < 0:
            self.addItem(value, value)
        self.setCurrentIndex(self.findData(value))
        explanation = self._explanations.get(value, "")
        self.setToolTip(f"{self.currentText()}: {explanation}" if explanation else self.currentText())

    def _choose(self, row: int) -> None:
        self.chosen.emit(self.itemData(row))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Enter opens the list, as Space does."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.showPopup()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideRight, self.width() - round(scaled(30)) - 10
        )
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        draw_arrow(painter, self.width() - scaled(14.0), self.height() / 2)
