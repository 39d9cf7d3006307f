"""A pyqtgraph plot that is only looked at."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import Qt

from emolive.gui.theme import COLORS


def create_plot() -> pg.PlotWidget:
    """A plot without menu, buttons, mouse and focus; keys and clicks go to the window."""
    plot = pg.PlotWidget(background=COLORS.surface)
    plot.setFrameShape(plot.Shape.NoFrame)
    plot.setMenuEnabled(False)
    plot.setMouseEnabled(x=False, y=False)
    plot.hideButtons()
    plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return plot
