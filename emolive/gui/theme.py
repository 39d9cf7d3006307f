"""Colours, palette and stylesheet: dark and calm, readable on a projector."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from emolive.types import Severity

BACKGROUND = "#12151b"
SURFACE = "#1b2029"
RAISED = "#262d39"
LINE = "#343d4c"
TEXT = "#edf1f7"
DIM = "#a3aec0"
FAINT = "#8793a6"
ACCENT = "#7fb8ff"

LEVEL_COLORS: dict[Severity, str] = {
    "ok": "#3fcf8e",
    "info": "#7fb8ff",
    "warning": "#ffc247",
    "error": "#ff6f61",
}

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
"""After Okabe and Ito's colour-blind-safe set, lightened for a dark ground."""

_ALIASES = {"anger": "angry", "fear": "fearful", "happiness": "happy", "joy": "happy", "sadness": "sad"}
_ALIASES |= {"surprise": "surprised", "disgusted": "disgust"}


def emotion_colors(labels: Sequence[str]) -> tuple[QColor, ...]:
    """A fixed colour for each label: known emotions keep theirs, other names take what is free."""
    known = [EMOTION_COLORS.get(_ALIASES.get(name.lower(), name.lower())) for name in labels]
    free = [color for color in EMOTION_COLORS.values() if color not in known] or list(EMOTION_COLORS.values())
    colors = []
    others = 0
    for color in known:
        if color is None:
            color = free[others % len(free)]  # noqa: PLW2901
            others += 1
        colors.append(QColor(color))
    return tuple(colors)


def apply(app: QApplication) -> None:
    """Dress the whole application."""
    app.setStyle("fusion")
    palette = QPalette()
    for role, color in {
        QPalette.ColorRole.Window: BACKGROUND,
        QPalette.ColorRole.Base: SURFACE,
        QPalette.ColorRole.AlternateBase: RAISED,
        QPalette.ColorRole.Button: RAISED,
        QPalette.ColorRole.ToolTipBase: RAISED,
        QPalette.ColorRole.WindowText: TEXT,
        QPalette.ColorRole.Text: TEXT,
        QPalette.ColorRole.ButtonText: TEXT,
        QPalette.ColorRole.ToolTipText: TEXT,
        QPalette.ColorRole.PlaceholderText: FAINT,
        QPalette.ColorRole.Highlight: ACCENT,
        QPalette.ColorRole.HighlightedText: BACKGROUND,
        QPalette.ColorRole.Link: ACCENT,
    }.items():
        palette.setColor(role, QColor(color))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(FAINT))
    app.setPalette(palette)
    app.setStyleSheet(STYLESHEET)


STYLESHEET = f"""
QWidget {{ font-size: 13px; color: {TEXT}; }}
QMainWindow, QDialog {{ background: {BACKGROUND}; }}
QToolTip {{ background: {RAISED}; color: {TEXT}; border: 1px solid {LINE}; padding: 4px 6px; }}
QLabel#caption {{ color: {DIM}; font-size: 11px; }}
QLabel#note {{ color: {DIM}; font-size: 12px; }}
QLabel#sentence {{ font-size: 13px; }}
QFrame#panel {{ background: {SURFACE}; border: 1px solid {LINE}; border-radius: 10px; }}
QLabel#headline {{ font-size: 30px; font-weight: 600; }}
QLabel#subline {{ color: {DIM}; font-size: 13px; }}
QPushButton, QToolButton, QComboBox, QLineEdit {{
    background: {RAISED}; border: 1px solid {LINE}; border-radius: 6px;
    padding: 0 10px; min-height: 28px; max-height: 28px;
}}
QToolButton {{ text-align: left; }}
QPushButton:hover, QToolButton:hover, QComboBox:hover {{ border-color: {ACCENT}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {LINE}; }}
QPushButton:focus, QToolButton:focus, QComboBox:focus, QLineEdit:focus {{ border-color: {ACCENT}; }}
QPushButton:disabled, QToolButton:disabled, QComboBox:disabled, QLineEdit:disabled {{
    color: {FAINT}; background: {SURFACE};
}}
QPushButton#primary {{ add_noise: #2b5d96; border-color: #4d8ccf; font-weight: 600; }}
QPushButton#primary:hover {{ add_noise: #3570b1; }}
QPushButton#primary:disabled {{ background: {SURFACE}; border-color: {LINE}; color: {FAINT}; }}
QToolButton::menu-indicator {{ image: none; width: 0; }}
QComboBox {{ padding-right: 4px; combobox-popup: 0; }}
QComboBox::drop-down {{ border: none; width: 20px; }}
QComboBox QAbstractItemView, QMenu {{
    background: {RAISED}; border: 1px solid {LINE}; selection-background-color: #2b5d96;
    selection-color: {TEXT}; outline: none; padding: 4px;
}}
QComboBox QAbstractItemView::item {{ min-height: 26px; padding: 0 8px; }}
QMenu::item {{ padding: 5px 26px 5px 24px; border-radius: 4px; }}
QMenu::item:selected {{ add_noise: #2b5d96; }}
QMenu::item:disabled {{ color: {FAINT}; background: transparent; }}
QMenu::separator {{ height: 1px; background: {LINE}; margin: 4px 8px; }}
QProgressBar {{
    background: {SURFACE}; border: 1px solid #4d8ccf; border-radius: 6px; text-align: center;
    min-height: 28px; max-height: 28px;
}}
QProgressBar::chunk {{ add_noise: #2b5d96; border-radius: 5px; }}
"""
