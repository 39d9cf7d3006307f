"""The presentation: one key, one word, large bars, at every size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFontMetricsF
from pytestqt.qtbot import QtBot

from emolive.gui import theme
from emolive.gui.view_state import (
    ControlState,
    EstimateView,
    ResultState,
    StatusState,
    VideoState,
    WindowState,
)
from emolive.gui.widgets.presentation_view import PresentationView
from emolive.models.spec import EMOTIONS
from emolive.types import BoundingBox, Face, Frame
from tests.helpers.window_driver import WindowDriver

METRES = 10.0
PROJECTION_M = 1.0
"""Height of the picture on the wall."""
SHARP_ARCMIN = 5.0
"""The smallest letter that normal sight can read."""


def state(label: str | None = "surprised", presence: float = 1.0) -> WindowState:
    """A state with a face and an answer."""
    probs = tuple(0.65 if name == label else 0.05 for name in EMOTIONS)
    caption = "unsure" if label is None else f"{label} 65 %"
    word = label or "unsure"
    estimate = EstimateView(0, EMOTIONS, probs, label, caption, "face and voice", word=word)
    image = np.full((480, 640, 3), 90, np.uint8)
    face = Face(BoundingBox(220, 120, 200, 240), 0.9)
    return WindowState(
        VideoState(frame=Frame(0, image, 0), face=face, estimate=estimate),
        ResultState(estimate, presence, waiting="Waiting for a face or a voice."),
        StatusState(),
        ControlState(),
    )


def arcmin(height_px: float, screen_px: int) -> float:
    """The angle of a letter of this height on the projection, from ten metres."""
    return float(np.degrees(np.arctan(height_px / screen_px * PROJECTION_M / METRES)) * 60)


@pytest.mark.parametrize(
    ("width", "height"), [(640, 480), (1280, 720), (1920, 1080), (3840, 2160), (480, 800), (2560, 1080)]
)
def test_it_can_be_read_from_ten_metres(qtbot: QtBot, width: int, height: int) -> None:
    view = PresentationView()
    qtbot.addWidget(view)
    view.resize(width, height)
    view.show_state(state())
    view.grab()
    assert view.word.text() == "Surprised"
    letter_px = 0.7 * view.word.text_px
    assert arcmin(letter_px, height) > 2 * SHARP_ARCMIN
    shown = QFontMetricsF(theme.font(view.word.text_px, bold=True)).horizontalAdvance("Surprised")
    assert shown <= view.word.width()
    bar_text_px = 0.7 * 0.42 * view.bars.height() / len(EMOTIONS)
    assert arcmin(bar_text_px, height) > SHARP_ARCMIN
    inside = QRect(0, 0, width, height)
    parts = [view.video.geometry(), view.word.geometry(), view.bars.geometry()]
    assert all(inside.contains(part) for part in parts)
    assert not any(parts[i].intersects(parts[j]) for i in range(3) for j in range(i))


def test_two_that_compete_can_be_read_too(qtbot: QtBot) -> None:
    """The longest pair, on the smallest window; both bars are emphasized."""
    view = PresentationView()
    qtbot.addWidget(view)
    view.resize(640, 480)
    shown = state("surprised")
    estimate = shown.result.estimate
    assert estimate is not None
    estimate = replace(estimate, rival="disgust", word="disgust or surprised")
    view.show_state(replace(shown, result=replace(shown.result, estimate=estimate)))
    view.grab()
    assert view.word.text() == "Disgust or surprised"
    assert arcmin(0.7 * view.word.text_px, 480) > SHARP_ARCMIN


def test_without_an_answer_it_says_what_is_missing(qtbot: QtBot) -> None:
    view = PresentationView()
    qtbot.addWidget(view)
    view.resize(800, 600)
    view.show_state(state(None))
    assert view.word.text() == "Unsure"
    view.show_state(state("happy", presence=0.4))
    assert view.word.text() == "Waiting for a face or a voice."
    assert set(view.bars.percents) == {"–"}


def test_one_key_opens_it_and_one_closes_it(driver: WindowDriver) -> None:
    window = driver.open()
    driver.press("p")
    assert window.pages.presenting
    assert window.isFullScreen()
    presentation = window.pages.presentation
    assert isinstance(presentation, PresentationView)
    driver.until(lambda: presentation.video.painted > 3)
    assert not window.view.isVisible(), "nothing but picture, word and bars"
    estimates = len(window.view.timeline._history)
    driver.until(lambda: len(window.view.timeline._history) > estimates)
    driver.press("?")
    assert window.view.help.isVisible(), "pages lie over it, too"
    driver.press(Qt.Key.Key_Escape)
    assert window.pages.presenting
    driver.press(Qt.Key.Key_Escape)
    assert not window.pages.presenting
    assert not window.isFullScreen()
    assert window.view.isVisible()
