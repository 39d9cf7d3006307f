"""Design tokens (colours, sizes, emotion colours) and the style sheet made of them.

Every colour and font size of the window is here. Style rules for one widget select it by its object name:
a style sheet without a selector would also style the widget's tooltip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from emolive.types import Severity


@dataclass(frozen=True, slots=True)
class Colors:
    """Colours by their use."""

    background: str
    surface: str
    """Panels and inactive controls."""
    raised: str
    """Controls, menus and tooltips."""
    line: str
    text: str
    dim: str
    """Secondary text."""
    faint: str
    """Disabled text."""
    accent: str
    primary: str
    primary_hover: str
    primary_line: str
    letterbox: str
    """Around an image whose aspect ratio differs from its widget's."""
    scrim: tuple[int, int, int, int]
    """RGBA over the window while the help is shown."""
    plate: tuple[int, int, int, int]
    """RGBA under text on the image."""
    ink: str
    """Text on a coloured plate."""
    levels: dict[Severity, str]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Font sizes, distances and radii in device-independent pixels."""

    caption_px: int = 11
    note_px: int = 12
    text_px: int = 13
    large_px: int = 14
    title_px: int = 20
    headline_px: int = 30
    control_height_px: int = 30
    gap_px: int = 8
    panel_radius_px: int = 10
    control_radius_px: int = 6


DARK = Colors(
    background="#12151b",
    surface="#1b2029",
    raised="#262d39",
    line="#343d4c",
    text="#edf1f7",
    dim="#a3aec0",
    faint="#8793a6",
    accent="#7fb8ff",
    primary="#2b5d96",
    primary_hover="#3570b1",
    primary_line="#4d8ccf",
    letterbox="#0b0d11",
    scrim=(10, 12, 16, 190),
    plate=(16, 19, 26, 215),
    ink="#10131a",
    levels={"ok": "#3fcf8e", "info": "#7fb8ff", "warning": "#ffc247", "error": "#ff6f61"},
)

COLORS = DARK
"""The colours in use."""
SIZES = Sizes()

EMOTION_COLORS = {
    "neutral": "#c3cad6",
    "calm": "#6ec6f5",
    "happy": "#f7e04b",
    "sad": "#3f86ee",
    "angry": "#ff6230",
    "fearful": "#d58ad0",
    "disgust": "#1fbf8b",
    "surprised": "#ffa62b",
}
"""Based on the colour-blind-safe palette of Okabe and Ito, lightened for a dark background."""

_SYNONYMS = {
    "anger": "angry",
    "disgusted": "disgust",
    "fear": "fearful",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprise": "surprised",
}


def emotion_colors(labels: Sequence[str]) -> tuple[QColor, ...]:
    """A colour for each label: fixed for the built-in emotions, the remaining ones for other labels."""
    names = [_SYNONYMS.get(label.lower(), label.lower()) for label in labels]
    unused = [color for name, color in EMOTION_COLORS.items() if name not in names]
    unused = unused or list(EMOTION_COLORS.values())
    others = 0
    colors = []
    for name in names:
        color = EMOTION_COLORS.get(name)
        if color is None:
            color = unused[others % len(unused)]
            others += 1
        colors.append(QColor(color))
    return tuple(colors)


def font(size_px: int, *, bold: bool = False) -> QFont:
    """The application's font in another size."""
    result = QFont()
    result.setPixelSize(size_px)
    if bold:
        result.setWeight(QFont.Weight.DemiBold)
    return result


def rgba(color: tuple[int, int, int, int]) -> QColor:
    """A colour with transparency."""
    return QColor(*color)


def apply(app: QApplication) -> None:
    """Set style, palette and style sheet of the application."""
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


def style_sheet(colors: Colors, sizes: Sizes) -> str:
    """The application's style sheet."""
    inner_height = sizes.control_height_px - 2  # without the border
    severities = "".join(
        f'QLabel#message[severity="{level}"] {{ color: {color}; }}\n'
        for level, color in {**colors.levels, "info": colors.dim}.items()
    )
    return f"""
QWidget {{ font-size: {sizes.text_px}px; color: {colors.text}; }}
QMainWindow, QDialog {{ background: {colors.background}; }}
QToolTip {{
    background: {colors.raised}; color: {colors.text}; border: 1px solid {colors.line}; padding: 4px 6px;
}}
QLabel#caption {{ color: {colors.dim}; font-size: {sizes.caption_px}px; }}
QLabel#note {{ color: {colors.dim}; font-size: {sizes.note_px}px; }}
QFrame#panel {{
    background: {colors.surface}; border: 1px solid {colors.line}; border-radius: {sizes.panel_radius_px}px;
}}
QLabel#headline {{ font-size: {sizes.headline_px}px; font-weight: 600; }}
QLabel#subline {{ color: {colors.dim}; }}
QLabel#badge {{
    background: {colors.surface}; border: 1px solid {colors.line}; border-radius: 9px; padding: 2px 9px;
    font-size: {sizes.note_px}px; min-height: 16px; max-height: 16px;
}}
{severities}
QPushButton, QToolButton, QComboBox, QLineEdit {{
    background: {colors.raised}; border: 1px solid {colors.line}; border-radius: {sizes.control_radius_px}px;
    padding: 0 10px; min-height: {inner_height}px; max-height: {inner_height}px;
}}
QToolButton {{ text-align: left; }}
QPushButton:hover, QToolButton:hover, QComboBox:hover {{ border-color: {colors.accent}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {colors.line}; }}
QPushButton:focus, QToolButton:focus, QComboBox:focus, QLineEdit:focus {{ border-color: {colors.accent}; }}
QPushButton:disabled, QToolButton:disabled, QComboBox:disabled, QLineEdit:disabled {{
    color: {colors.faint}; background: {colors.surface};
}}
QPushButton#primary {{ background: {colors.primary}; border-color: {colors.primary_line}; font-weight: 600; }}
QPushButton#primary:hover {{ background: {colors.primary_hover}; }}
QPushButton#primary:disabled {{
    background: {colors.surface}; border-color: {colors.line}; color: {colors.faint};
}}
QToolButton::menu-indicator {{ image: none; width: 0; }}
QComboBox {{ padding-right: 4px; combobox-popup: 0; }}
QComboBox::drop-down {{ border: none; width: 20px; }}
QComboBox QAbstractItemView, QMenu {{
    background: {colors.raised}; border: 1px solid {colors.line};
    selection-background-color: {colors.primary}; selection-color: {colors.text}; outline: none; padding: 4px;
}}
QComboBox QAbstractItemView::item {{ min-height: 26px; padding: 0 8px; }}
QComboBox QAbstractItemView::item:disabled {{ color: {colors.faint}; }}
QMenu::item {{ padding: 5px 26px 5px 24px; border-radius: 4px; }}
QMenu::item:selected {{ background: {colors.primary}; }}
QMenu::item:disabled {{ color: {colors.faint}; background: transparent; }}
QMenu::separator {{ height: 1px; background: {colors.line}; margin: 4px 8px; }}
QProgressBar {{
    background: {colors.surface}; border: 1px solid {colors.primary_line};
    border-radius: {sizes.control_radius_px}px; text-align: center;
    min-height: {inner_height}px; max-height: {inner_height}px;
}}
QProgressBar::chunk {{ background: {colors.primary}; border-radius: 5px; }}
"""
