"""The style sheet of the window, made of its colours and sizes.

Rules for one widget select it by its object name: a style sheet without a selector would also style the
widget's tooltip.
"""

from __future__ import annotations

from emolive.gui.colors import Colors
from emolive.gui.sizes import Sizes


def style_sheet(colors: Colors, sizes: Sizes) -> str:
    """The application's style sheet."""
    scale = sizes.text_px / Sizes().text_px

    def px(designed: int) -> int:
        return round(designed * scale)

    inner_height = sizes.control_height_px - 2  # without the border
    severities = "".join(
        f'QLabel#message[severity="{level}"] {{ color: {color}; }}\n'
        for level, color in {**colors.levels, "info": colors.dim}.items()
    )
    return f"""
QWidget {{ font-size: {sizes.text_px}px; color: {colors.text}; }}
QMainWindow, QDialog {{ background: {colors.background}; }}
QToolTip {{
    background: {colors.raised}; color: {colors.text}; border: 1px solid {colors.line};
    padding: {px(4)}px {px(6)}px;
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
    background: {colors.surface}; border: 1px solid {colors.line};
    border-radius: {px(9)}px; padding: 2px {px(9)}px;
    font-size: {sizes.note_px}px; min-height: {sizes.badge_height_px}px;
    max-height: {sizes.badge_height_px}px;
}}
{severities}
QPushButton, QToolButton, QComboBox, QLineEdit {{
    background: {colors.raised}; border: 1px solid {colors.line}; border-radius: {sizes.control_radius_px}px;
    padding: 0 {px(10)}px; min-height: {inner_height}px; max-height: {inner_height}px;
}}
QToolButton {{ text-align: left; }}
QToolButton#more {{ text-align: center; }}
QPushButton:hover, QToolButton:hover, QComboBox:hover {{ border-color: {colors.accent}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {colors.line}; }}
QPushButton:focus, QToolButton:focus, QComboBox:focus, QLineEdit:focus {{
    border: 2px solid {colors.focus}; padding: 0 {px(9)}px;
    min-height: {inner_height - 2}px; max-height: {inner_height - 2}px;
}}
QPushButton:checked, QToolButton:checked {{
    background: {colors.primary}; color: {colors.primary_text}; border-color: {colors.primary_line};
}}
QLabel#badge[short="true"] {{ padding: 2px {px(4)}px; }}
QLabel#badge[small="true"] {{ padding: 2px {px(2)}px; font-size: {round(0.84 * sizes.note_px)}px; }}
QLabel#badge:focus {{ border: 2px solid {colors.focus}; padding: 1px {px(8)}px; }}
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
QComboBox {{ padding-right: {px(4)}px; combobox-popup: 0; }}
QComboBox::drop-down {{ border: none; width: {px(20)}px; }}
QComboBox QAbstractItemView, QMenu {{
    background: {colors.raised}; border: 1px solid {colors.line};
    selection-background-color: {colors.primary}; selection-color: {colors.primary_text};
    outline: none; padding: {px(4)}px;
}}
QComboBox QAbstractItemView::item {{ min-height: {px(26)}px; padding: 0 {px(8)}px; }}
QComboBox QAbstractItemView::item:disabled {{ color: {colors.faint}; }}
QListWidget {{
    background: {colors.raised}; border: 1px solid {colors.line};
    border-radius: {sizes.control_radius_px}px; outline: none; padding: {px(3)}px;
}}
QListWidget:focus {{ border: 2px solid {colors.focus}; padding: {px(3) - 1}px; }}
QListWidget::item {{ padding: {px(4)}px {px(8)}px; border-radius: {px(4)}px; color: {colors.text}; }}
QListWidget::item:selected {{ background: {colors.primary}; color: {colors.primary_text}; }}
QListWidget::item:disabled {{ color: {colors.faint}; }}
QMenu::item {{ padding: {px(5)}px {px(26)}px {px(5)}px {px(24)}px; border-radius: {px(4)}px; }}
QMenu::item:selected {{ background: {colors.primary}; color: {colors.primary_text}; }}
QMenu::item:disabled {{ color: {colors.faint}; background: transparent; }}
QMenu::separator {{ height: 1px; background: {colors.line}; margin: {px(4)}px {px(8)}px; }}
QScrollBar:vertical {{ background: transparent; width: {px(10)}px; margin: 0; }}
QScrollBar::handle:vertical {{
    background: {colors.line}; border-radius: {px(5)}px; min-height: {px(30)}px;
}}
QScrollBar::handle:vertical:hover {{ background: {colors.faint}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QProgressBar {{
    background: {colors.surface}; border: 1px solid {colors.primary_line};
    border-radius: {sizes.control_radius_px}px; text-align: center;
    min-height: {inner_height}px; max-height: {inner_height}px;
}}
QProgressBar::chunk {{ background: {colors.primary}; border-radius: {px(5)}px; }}
"""
