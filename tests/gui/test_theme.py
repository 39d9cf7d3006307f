"""Colours and sizes: readable in each theme, told apart by the colour-blind, grown with the screen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from emolive.gui import theme
from emolive.gui.theme_switch import ThemeSwitch, saved_theme
from emolive.gui.ui_settings import UiSettings
from emolive.gui.view_state import EstimateView, ResultState
from emolive.gui.widgets.results_panel import ResultsPanel
from emolive.gui.widgets.timeline import Timeline

GUI = Path(theme.__file__).parent
COLOR_BLINDNESS = {
    "protanopia": (
        0.152286,
        1.052583,
        -0.204868,
        0.114503,
        0.786281,
        0.099216,
        -0.003882,
        -0.048116,
        1.051998,
    ),
    "deuteranopia": (
        0.367322,
        0.860646,
        -0.227968,
        0.280085,
        0.672501,
        0.047413,
        -0.01182,
        0.04294,
        0.968881,
    ),
    "tritanopia": (1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039),
    "none": (1, 0, 0, 0, 1, 0, 0, 0, 1),
}
"""Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB."""
APART = 8.0
"""In CIELAB; 2.3 is just noticeable side by side."""


@pytest.fixture(autouse=True)
def _designed(qapp: QApplication) -> Iterator[None]:
    yield
    theme.apply(qapp, scale=1.0)


def lab(name: str, kind: str) -> np.ndarray:
    """A colour in CIELAB (D65) as somebody with this kind of colour-blindness sees it."""
    rgb = np.array([QColor(name).redF(), QColor(name).greenF(), QColor(name).blueF()])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(COLOR_BLINDNESS[kind]).reshape(3, 3) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ seen / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", COLOR_BLINDNESS)
@pytest.mark.parametrize("colors", [theme.DARK, theme.LIGHT], ids=["dark", "light"])
def test_emotions_can_be_told_apart(colors: theme.Colors, kind: str) -> None:
    for first, second in combinations(colors.emotions, 2):
        distance = np.linalg.norm(lab(colors.emotions[first], kind) - lab(colors.emotions[second], kind))
        assert distance > APART, f"{first} and {second}"


@pytest.mark.parametrize("colors", [theme.DARK, theme.LIGHT], ids=["dark", "light"])
def test_text_can_be_read_in_both_themes(colors: theme.Colors) -> None:
    def contrast(first: str, second: str) -> float:
        return theme.contrast(QColor(first), QColor(second))

    for ink in (colors.text, colors.dim, *colors.levels.values()):
        for ground in (colors.background, colors.surface, colors.raised):
            assert contrast(ink, ground) >= 4.5, f"{ink} on {ground}"
    for color in (*colors.emotions.values(), colors.face, colors.voice):
        assert contrast(colors.ink, color) >= 4.5, color
    assert contrast(colors.primary_text, colors.primary) >= 4.5
    for color in colors.levels_on_plate.values():
        assert contrast(color, QColor(*colors.plate[:3]).name()) >= 4.5
    assert contrast(colors.focus, colors.background) >= 3
    assert colors.focus != colors.accent, "the focus is not the colour of what the mouse is over"


def test_both_themes_name_the_same_emotions() -> None:
    assert theme.DARK.emotions.keys() == theme.LIGHT.emotions.keys()


def test_a_colour_is_made_readable_on_its_ground(qapp: QApplication) -> None:
    theme.apply(qapp, "light")
    yellow = QColor(theme.COLORS.emotions["happy"])
    assert theme.contrast(yellow, QColor(theme.COLORS.surface)) < 3
    assert theme.contrast(theme.readable(yellow, theme.COLORS.surface), QColor(theme.COLORS.surface)) >= 4.5


@pytest.mark.parametrize(
    ("height_px", "scale"),
    [(480, 1.0), (720, 1.0), (1080, 1.0), (1440, 1440 / 1080), (2160, 2.0), (9000, 2.5)],
)
def test_sizes_grow_with_the_screen(height_px: int, scale: float) -> None:
    """A 4K screen at scale 2 has 1080 device-independent pixels and needs nothing."""
    assert theme.scale_for(height_px) == pytest.approx(scale)


def test_the_theme_changes_while_widgets_are_shown(qtbot: QtBot, qapp: QApplication) -> None:
    theme.apply(qapp, "dark")
    panel, timeline = ResultsPanel(), Timeline()
    estimate = EstimateView(0, ("happy", "sad"), (0.7, 0.3), "happy", "happy 70 %", "face only")
    result = ResultState(estimate, 1.0)
    for widget in (panel, timeline):
        qtbot.addWidget(widget)
        widget.resize(300, 300)
        widget.show()
    panel.show_result(result)
    timeline.show_result(result)

    def corner(widget: QWidget) -> str:
        return widget.grab().toImage().pixelColor(widget.width() - 3, widget.height() // 2 + 4).name()

    assert corner(timeline) == theme.DARK.surface
    theme.apply(qapp, "light")
    panel.show_result(result)
    assert corner(timeline) == theme.LIGHT.surface
    button = panel.findChild(QPushButton)
    assert button is not None
    assert panel.palette().window().color().name() == theme.LIGHT.background


def test_the_choice_of_the_theme_is_remembered(qapp: QApplication) -> None:
    settings = UiSettings()
    assert saved_theme(settings) == "system"
    owner = QWidget()
    switch = ThemeSwitch(settings, owner)
    assert switch.next() == "Theme: light"
    assert theme.COLORS.background == theme.LIGHT.background
    assert switch.next() == "Theme: dark"
    assert theme.COLORS.background == theme.DARK.background
    assert saved_theme(UiSettings()) == "dark"
    assert switch.next() == "Theme: as the desktop"
    owner.deleteLater()


def test_colors_are_named_in_one_place() -> None:
    """Widgets take colours from the tokens; only shadows on the picture are their own."""
    for path in GUI.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name != "colors.py":
            assert 'QColor("#' not in text, path.name
            assert "color: #" not in text, path.name
