"""The whole window in each of its states, compared tolerantly with the approved pictures in `looks/window/`.

After an intended change run with EMOLIVE_NEW_LOOKS=1, look at the new pictures (`window_states.py` writes
them at full size), and commit them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from emolive.gui import theme
from tests.gui.test_looks import coarse
from tests.gui.window_states import STATES, StillWindow, process_events

LOOKS = Path(__file__).with_name("looks") / "window"
TOLERANCE = 4.0
"""Mean difference of the pixels, of 255: the states have most of the window in common."""
COMPARED = (
    "no-camera",
    "camera-lost",
    "no-face",
    "silence",
    "unsure",
    "dark",
    "far",
    "two-faces",
    "switching",
    "side-by-side",
    "calibrating",
    "recording",
    "replay",
    "error",
    "replay-4k",
    "german-640",
    "presenter-no-face",
)
"""Those of which no part is compared in `test_looks`."""


@pytest.fixture(autouse=True)
def _designed(qapp: QApplication) -> Iterator[None]:
    yield
    theme.apply(qapp, scale=1.0)


def shot(qapp: QApplication, name: str) -> QImage:
    still = StillWindow(qapp, STATES[name])
    still.settle(lambda: process_events(15))
    image = still.window.grab().toImage()
    still.close(lambda: process_events(15))
    return image


@pytest.mark.parametrize("name", COMPARED)
def test_the_window_looks_as_it_was_approved(qtbot: QtBot, qapp: QApplication, name: str) -> None:
    image = shot(qapp, name)
    assert (image.width(), image.height()) == STATES[name].size
    approved = LOOKS / f"{name}.jpg"
    if os.environ.get("EMOLIVE_NEW_LOOKS") == "1":
        LOOKS.mkdir(exist_ok=True)
        small = image.scaledToWidth(480, Qt.TransformationMode.SmoothTransformation)
        assert small.save(str(approved), quality=85)
    expected = QImage(str(approved))
    assert not expected.isNull(), f"{approved} is missing: see the top of this file"
    difference = np.abs(coarse(image) - coarse(expected)).mean()
    assert difference < TOLERANCE, f"{name} has changed: see the top of this file"


def test_the_comparison_tells_the_states_apart() -> None:
    pictures = {name: coarse(QImage(str(LOOKS / f"{name}.jpg"))) for name in ("no-camera", "no-face", "dark")}
    for first, one in pictures.items():
        for second, other in pictures.items():
            assert first == second or np.abs(one - other).mean() > TOLERANCE, (first, second)
