"""Design tokens (colours, sizes, emotion colours) and the style sheet made of them.

Every colour and font size of the window is here. `COLORS` and `SIZES` are the ones in use: `apply` changes
their values, so widgets read them when they paint and do not copy them. A widget that has to copy one
(a plot's background) does so again in `changeEvent` when the palette changes. Style rules for one widget
select it by its object name: a style sheet without a selector would also style the widget's tooltip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Literal, get_args

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from emolive.types import Severity

ThemeName = Literal["system", "light", "dark"]
THEMES: tuple[ThemeName, ...] = get_args(ThemeName)


@dataclass(slots=True)
class Colors:
    """Colours by their use."""

    background: str
    surface: str
    """Panels and inactive controls."""
    raised: str
    """Controls, menus and tooltips."""
    groove: str
    """Behind a bar."""
    line: str
    text: str
    dim: str
    """Secondary text."""
    faint: str
    """Disabled text."""
    accent: str
    """What the mouse is over, and links."""
    focus: str
    """Round what has the keyboard; unlike `accent`, so that both can be told apart."""
    primary: str
    primary_hover: str
    primary_line: str
    primary_text: str
    """On `primary`."""
    letterbox: str
    """Around an image whose aspect ratio differs from its widget's."""
    scrim: tuple[int, int, int, int]
    """RGBA over the window while a page lies over it."""
    plate: tuple[int, int, int, int]
    """RGBA under text on the image."""
    plate_text: str
    """Text on `plate`."""
    ink: str
    """Text on a coloured plate."""
    face: str
    """The face's part of an answer."""
    voice: str
    """The voice's part of an answer."""
    levels: dict[Severity, str] = field(default_factory=dict)
    levels_on_plate: dict[Severity, str] = field(default_factory=dict)
    """The same on `plate`, which is dark in every theme."""
    emotions: dict[str, str] = field(default_factory=dict)
    """Based on the palette of Okabe and Ito (2008), which the colour-blind can tell apart."""


@dataclass(slots=True)
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
    badge_height_px: int = 16


_ON_PLATE: dict[Severity, str] = {
    "ok": "#3fcf8e",
    "info": "#7fb8ff",
    "warning": "#ffc247",
    "error": "#ff6f61",
}

DARK = Colors(
    background="#12151b",
    surface="#1b2029",
    raised="#262d39",
    groove="#262d39",
    line="#343d4c",
    text="#edf1f7",
    dim="#a3aec0",
    faint="#8793a6",
    accent="#7fb8ff",
    focus="#ffd75e",
    primary="#2b5d96",
    primary_hover="#3570b1",
    primary_line="#4d8ccf",
    primary_text="#f4f8fd",
    letterbox="#0b0d11",
    scrim=(10, 12, 16, 190),
    plate=(16, 19, 26, 215),
    plate_text="#edf1f7",
    ink="#10131a",
    face="#6ec6f5",
    voice="#ffa62b",
    levels=_ON_PLATE,
    levels_on_plate=_ON_PLATE,
    emotions={
        "neutral": "#c3cad6",
        "calm": "#6ec6f5",
        "happy": "#f7e04b",
        "sad": "#3f86ee",
        "angry": "#ff6230",
        "fearful": "#d58ad0",
        "disgust": "#1fbf8b",
        "surprised": "#ffa62b",
    },
)

LIGHT = Colors(
    background="#eef1f5",
    surface="#ffffff",
    raised="#f6f8fb",
    groove="#e3e8ef",
    line="#c3cbd6",
    text="#161b24",
    dim="#4d5869",
    faint="#6a7586",
    accent="#1668c4",
    focus="#b34700",
    primary="#2468ad",
    primary_hover="#1d5894",
    primary_line="#1d5894",
    primary_text="#ffffff",
    letterbox="#dde2e9",
    scrim=(40, 48, 60, 150),
    plate=(16, 19, 26, 215),
    plate_text="#edf1f7",
    ink="#10131a",
    face="#2a92cf",
    voice="#d97f00",
    levels={"ok": "#0a7d4f", "info": "#1668c4", "warning": "#8f5b00", "error": "#bf2a1d"},
    levels_on_plate=_ON_PLATE,
    emotions={
        "neutral": "#8f99a8",
        "calm": "#4fb4ec",
        "happy": "#e3c71a",
        "sad": "#4683dd",
        "angry": "#f05a28",
        "fearful": "#c97bc3",
        "disgust": "#14a678",
        "surprised": "#f39a1d",
    },
)


def _copy(colors: Colors) -> Colors:
    return Colors(**{item.name: getattr(colors, item.name) for item in fields(Colors)})


COLORS = _copy(DARK)
"""The colours in use."""
_DESIGNED = Sizes()
SIZES = Sizes()
"""The sizes in use."""

DESIGN_HEIGHT_PX = 1080
"""The sizes are made for a screen of this height, and grow with a larger one."""
LARGEST_SCALE = 2.5

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
    unused = [color for name, color in COLORS.emotions.items() if name not in names]
    unused = unused or list(COLORS.emotions.values())
    others = 0
    colors = []
    for name in names:
        color = COLORS.emotions.get(name)
        if color is None:
            color = unused[others % len(unused)]
            others += 1
        colors.append(QColor(color))
    return tuple(colors)


def label_color(labels: Sequence[str], label: str | None) -> QColor | None:
    """The colour of one of the labels; None for none."""
    return None if label is None else emotion_colors(labels)[list(labels).index(label)]


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


def contrast(first: QColor, second: QColor) -> float:
    """Of two colours, as WCAG 2 defines it: 1 for the same, 21 for black on white."""
    bright, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def readable(color: QColor, ground: str, at_least: float = 4.5) -> QColor:
    """The colour, moved towards the text colour until text in it can be read on `ground`."""
    text, result = QColor(COLORS.text), QColor(color)
    for step in range(1, 11):
        if contrast(result, QColor(ground)) >= at_least:
            break
        share = step / 10
        result = QColor.fromRgbF(
            color.redF() * (1 - share) + text.redF() * share,
            color.greenF() * (1 - share) + text.greenF() * share,
            color.blueF() * (1 - share) + text.blueF() * share,
        )
    return result


def _luminance(color: QColor) -> float:
    linear = [
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
        for value in (color.redF(), color.greenF(), color.blueF())
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def scale_for(screen_height_px: int) -> float:
    """How much larger than designed everything is on a screen of this height, in device-independent pixels.

    1 up to full HD. A 4K screen at scale 1 has twice the pixels on the same area and gets 2.
    """
    return min(LARGEST_SCALE, max(1.0, screen_height_px / DESIGN_HEIGHT_PX))


def set_scale(scale: float) -> None:
    """Use sizes of this scale from now on; widgets that exist keep theirs until `apply`."""
    for item in fields(Sizes):
        setattr(SIZES, item.name, round(getattr(_DESIGNED, item.name) * scale))


def set_colors(colors: Colors) -> None:
    """Use these colours from now on; widgets show them after `apply`."""
    for item in fields(Colors):
        setattr(COLORS, item.name, getattr(colors, item.name))


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
QFrame#card {{
    background: {colors.surface}; border: 1px solid {colors.line}; border-radius: {sizes.panel_radius_px}px;
}}
QScrollArea, QWidget#pageContent {{ background: transparent; }}
QScrollArea:focus {{ border: 1px solid {colors.focus}; }}
QLabel#title {{ font-size: {sizes.title_px}px; font-weight: 600; }}
QLabel#keys {{ color: {colors.accent}; font-weight: 600; }}
QLabel#subline {{ color: {colors.dim}; }}
QLabel#badge {{
    background: {colors.surface}; border: 1px solid {colors.line}; border-radius: 9px; padding: 2px 9px;
    font-size: {sizes.note_px}px; min-height: {sizes.badge_height_px}px;
    max-height: {sizes.badge_height_px}px;
}}
{severities}
QPushButton, QToolButton, QComboBox, QLineEdit {{
    background: {colors.raised}; border: 1px solid {colors.line}; border-radius: {sizes.control_radius_px}px;
    padding: 0 10px; min-height: {inner_height}px; max-height: {inner_height}px;
}}
QToolButton {{ text-align: left; }}
QPushButton:hover, QToolButton:hover, QComboBox:hover {{ border-color: {colors.accent}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {colors.line}; }}
QPushButton:focus, QToolButton:focus, QComboBox:focus, QLineEdit:focus {{
    border: 2px solid {colors.focus}; padding: 0 9px;
    min-height: {inner_height - 2}px; max-height: {inner_height - 2}px;
}}
QPushButton:checked, QToolButton:checked {{
    background: {colors.primary}; color: {colors.primary_text}; border-color: {colors.primary_line};
}}
QLabel#badge[short="true"] {{ padding: 2px 4px; }}
QLabel#badge:focus {{ border: 2px solid {colors.focus}; padding: 1px 8px; }}
QPushButton:disabled, QToolButton:disabled, QComboBox:disabled, QLineEdit:disabled {{
    color: {colors.faint}; background: {colors.surface};
}}
QPushButton#primary {{
    background: {colors.primary}; border-color: {colors.primary_line}; color: {colors.primary_text};
    font-weight: 600;
}}
QPushButton#primary:hover {{ background: {colors.primary_hover}; }}
QPushButton#primary:focus {{ border: 2px solid {colors.focus}; }}
QPushButton#primary:disabled {{
    background: {colors.surface}; border-color: {colors.line}; color: {colors.faint};
}}
QPushButton#tab {{ padding: 0 2px; font-size: {sizes.note_px}px; }}
QToolButton::menu-indicator {{ image: none; width: 0; }}
QComboBox {{ padding-right: 4px; combobox-popup: 0; }}
QComboBox::drop-down {{ border: none; width: 20px; }}
QComboBox QAbstractItemView, QMenu {{
    background: {colors.raised}; border: 1px solid {colors.line};
    selection-background-color: {colors.primary}; selection-color: {colors.primary_text};
    outline: none; padding: 4px;
}}
QComboBox QAbstractItemView::item {{ min-height: 26px; padding: 0 8px; }}
QComboBox QAbstractItemView::item:disabled {{ color: {colors.faint}; }}
QMenu::item {{ padding: 5px 26px 5px 24px; border-radius: 4px; }}
QMenu::item:selected {{ background: {colors.primary}; color: {colors.primary_text}; }}
QMenu::item:disabled {{ color: {colors.faint}; background: transparent; }}
QMenu::separator {{ height: 1px; background: {colors.line}; margin: 4px 8px; }}
QProgressBar {{
    background: {colors.surface}; border: 1px solid {colors.primary_line};
    border-radius: {sizes.control_radius_px}px; text-align: center;
    min-height: {inner_height}px; max-height: {inner_height}px;
}}
QProgressBar::chunk {{ background: {colors.primary}; border-radius: 5px; }}
"""
