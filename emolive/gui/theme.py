"""The theme in use: colours, sizes and the style sheet made of them.

Every colour and font size of the window is in `colors` and `sizes`. `COLORS` and `SIZES` are the ones in use:
`apply` changes their values, so widgets read them when they paint and do not copy them. A widget that has to
copy one (a plot's background) does so again in `changeEvent` when the palette changes.
"""

from __future__ import annotations

from typing import Literal, get_args

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from emolive.gui.colors import (
    COLORS,
    DARK,
    LIGHT,
    Colors,
    contrast,
    emotion_colors,
    label_color,
    readable,
    rgba,
    set_colors,
)
from emolive.gui.sizes import SIZES, Sizes, font, scale_for, scale_in_use, scaled, set_scale
from emolive.gui.style_sheet import style_sheet

__all__ = [
    "COLORS",
    "DARK",
    "LIGHT",
    "SIZES",
    "THEMES",
    "Colors",
    "Sizes",
    "ThemeName",
    "apply",
    "colors_of",
    "contrast",
    "emotion_colors",
    "font",
    "label_color",
    "readable",
    "rgba",
    "scale_for",
    "scale_in_use",
    "scaled",
    "set_colors",
    "set_scale",
]

ThemeName = Literal["system", "light", "dark"]
THEMES: tuple[ThemeName, ...] = get_args(ThemeName)


def colors_of(app: QApplication, theme: ThemeName) -> Colors:
    """The colours of a theme; of "system" the desktop's, and dark where it has no wish."""
    if theme == "system":
        light = app.styleHints().colorScheme() == Qt.ColorScheme.Light
        return LIGHT if light else DARK
    return LIGHT if theme == "light" else DARK


def apply(app: QApplication, theme: ThemeName = "dark", *, scale: float | None = None) -> None:
    """Set style, palette and style sheet of the application.

    Args:
        app: the application.
        theme: light, dark, or the desktop's.
        scale: of all sizes; the present one by default.
    """
    if scale is not None:
        set_scale(scale)
    set_colors(colors_of(app, theme))
    if app.style() is None or app.style().objectName() != "fusion":
        app.setStyle("fusion")
    palette = QPalette()
    for role, color in {
        QPalette.ColorRole.Window: COLORS.background,
        QPalette.ColorRole.Base: COLORS.surface,
        QPalette.ColorRole.AlternateBase: COLORS.raised,
        QPalette.ColorRole.Button: COLORS.raised,
        QPalette.ColorRole.ToolTipBase: COLORS.raised,
        QPalette.ColorRole.WindowText: COLORS.text,
        QPalette.ColorRole.Text: COLORS.text,
        QPalette.ColorRole.ButtonText: COLORS.text,
        QPalette.ColorRole.ToolTipText: COLORS.text,
        QPalette.ColorRole.PlaceholderText: COLORS.faint,
        QPalette.ColorRole.Highlight: COLORS.accent,
        QPalette.ColorRole.HighlightedText: COLORS.background,
        QPalette.ColorRole.Link: COLORS.accent,
    }.items():
        palette.setColor(role, QColor(color))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(COLORS.faint))
    app.setPalette(palette)
    app.setStyleSheet(style_sheet(COLORS, SIZES))
