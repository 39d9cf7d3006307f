"""Pictures of the window in fixed states, compared tolerantly with those in `looks/`.

After an intended change run with EMOLIVE_NEW_LOOKS=1, look at the new pictures, and commit them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from emolive.clock import to_ns
from emolive.gui import i18n, theme
from emolive.gui.model_choices import chosen_values, model_choices
from emolive.gui.view_state import (
    ControlState,
    EstimateView,
    Mark,
    Message,
    ResultState,
    StatusLine,
    StatusState,
    Tag,
    VideoState,
    WhyState,
    WindowState,
)
from emolive.gui.widgets.central_view import CentralView
from emolive.gui.widgets.presentation_view import PresentationView
from emolive.gui.widgets.settings_view import SettingsView
from emolive.models.spec import EMOTIONS
from emolive.session.config import SessionConfig
from emolive.types import Face, FaceQuality, Frame, Status
from tests.helpers.fake_session import FUSIONS, draw

LOOKS = Path(__file__).with_name("looks")
COARSE = (40, 25)
"""Pictures are compared at this size: fonts differ a little from computer to computer."""
TOLERANCE = 9.0
"""Mean difference of the pixels, of 255."""

Shown = tuple[QWidget, Callable[[], None]]
"""A widget, and what shows the state on it once it has its size."""

IMAGE, FACE = draw(0.0)
PROBS = (0.05, 0.06, 0.62, 0.03, 0.09, 0.05, 0.02, 0.08)
STATUSES = (
    Status("face", "ok", "found", "A face is tracked."),
    Status("voice", "ok", "speech", "Speech is detected."),
    Status("camera", "ok", "live", "The camera runs."),
)


def state(
    *,
    face: Face | None = FACE,
    presence: float = 1.0,
    video: dict[str, object] | None = None,
    result: dict[str, object] | None = None,
    status: StatusState | None = None,
) -> WindowState:
    """A state of the window; the arguments replace parts of it."""
    estimate = EstimateView(
        to_ns(9.0), EMOTIONS, PROBS, "happy", "happy 62 %", "face and voice", "0", word="happy"
    )
    shown = {"frame": Frame(0, IMAGE, 0), "face": face, "estimate": estimate, **(video or {})}
    results = {"estimate": estimate, "presence": presence, "now_ns": to_ns(9.0), **(result or {})}
    return WindowState(
        VideoState(**shown),  # type: ignore[arg-type]
        ResultState(**results),  # type: ignore[arg-type]
        status or StatusState(STATUSES),
        ControlState("ia", "running", "guest", None, True, -20.0),
    )


BETWEEN = EstimateView(
    to_ns(9.0),
    EMOTIONS,
    (0.05, 0.06, 0.28, 0.33, 0.14, 0.05, 0.02, 0.07),
    "happy",
    "sad or happy",
    "face and voice",
    "0",
    "sad",
    "sad or happy",
)
OLD = state(face=None, presence=0.0, video={"estimate": None, "stale": "This picture is 12 s old."})
ENDED = state(video={"banner": "Ended. This is the last answer."}, result={"ended": True})
SILENT = state(video={"tags": (Tag("FACE ONLY"),), "hint": "Your face is small: come closer."})
COUNTED = state(video={"countdown": "3", "banner": "Get ready: relax your face and look at the camera."})
NOTHING = state(
    face=None,
    presence=0.0,
    video={
        "frame": None,
        "estimate": None,
        "message": Message("No video", "The camera is gone.", offers=True),
    },
    status=StatusState((Status("camera", "error", "lost", "Gone."),), StatusLine("Gone.", "error"), True, 1),
)
MARKED = state(result={"marks": (Mark(to_ns(4.0), "fusion", "Fusion it"),)})
RIVALS = state(
    result={"estimate": BETWEEN},
    video={"estimate": BETWEEN},
)
WHY = state(
    result={
        "why": WhyState(
            True,
            0.6,
            tuple(i / 15 for i in range(16)),
            tuple(1 - i / 40 for i in range(40)),
            crops=(IMAGE[100:380, 180:460].copy(),) * 6,
            voice_dbfs=-20.0,
            pitch_hz=180.0,
            quality=FaceQuality(240.0, 0.5, 0.3, 0.0, 0.0),
            age_s=0.2,
        )
    }
)


def central(shown: WindowState, page: str = "bars") -> Callable[[], Shown]:
    def make() -> Shown:
        view = CentralView(FUSIONS)
        view.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        view.add_plots()
        view.results.show_page(page)
        view.timeline.set_labels(EMOTIONS)
        for step in range(36):
            view.timeline.add(to_ns(step / 4), np.roll(PROBS, step // 8).tolist())
        view.show()
        return view, lambda: view.show_state(shown)

    return make


def settings() -> Shown:
    holder = QWidget()
    holder.setObjectName("pageContent")
    view = SettingsView(holder, model_choices({"cuda": "None.", "mps": "None."}))
    holder.show()

    def show() -> None:
        view.open_page()
        values = chosen_values(SessionConfig())
        view.show_values(values, checkpoint="ia.safetensors", in_use="ia runs on cpu by ONNX Runtime.")

    return holder, show


def presentation(shown: WindowState) -> Callable[[], Shown]:
    def make() -> Shown:
        view = PresentationView()
        view.show()
        return view, lambda: view.show_state(shown)

    return make


CASES: dict[str, tuple[Callable[[], Shown], tuple[int, int], theme.ThemeName, float]] = {
    "live-dark": (central(MARKED), (1280, 800), "dark", 1.0),
    "live-light": (central(MARKED), (1280, 800), "light", 1.0),
    "live-640": (central(MARKED), (640, 440), "dark", 1.0),
    "live-4k": (central(MARKED), (2560, 1600), "dark", 2.0),
    "old": (central(OLD), (1280, 720), "dark", 1.0),
    "ended": (central(ENDED), (1280, 720), "dark", 1.0),
    "hint": (central(SILENT), (1280, 720), "light", 1.0),
    "countdown": (central(COUNTED), (1280, 720), "dark", 1.0),
    "no-camera": (central(NOTHING), (1280, 720), "dark", 1.0),
    "why": (central(WHY, "why"), (1280, 800), "dark", 1.0),
    "affect": (central(MARKED, "affect"), (1280, 800), "light", 1.0),
    "rivals": (central(RIVALS), (1280, 720), "light", 1.0),
    "german": (central(MARKED), (900, 640), "light", 1.0),
    "settings": (settings, (900, 640), "dark", 1.0),
    "settings-640": (settings, (640, 440), "light", 1.0),
    "presentation-rivals": (presentation(RIVALS), (1280, 720), "dark", 1.0),
    "presentation": (presentation(MARKED), (1280, 720), "dark", 1.0),
    "presentation-light": (presentation(MARKED), (1920, 1080), "light", 1.0),
    "presentation-640": (presentation(MARKED), (640, 480), "dark", 1.0),
    "presentation-4k": (presentation(MARKED), (3840, 2160), "dark", 2.0),
}


@pytest.fixture(autouse=True)
def _designed(qapp: QApplication) -> Iterator[None]:
    yield
    theme.apply(qapp, scale=1.0)


def coarse(image: QImage) -> np.ndarray:
    """(h, w, 3) means of the picture, as COARSE says."""
    small = image.scaled(4 * COARSE[0], 4 * COARSE[1], mode=Qt.TransformationMode.SmoothTransformation)
    small = small.scaled(COARSE[0], COARSE[1], mode=Qt.TransformationMode.SmoothTransformation)
    small = small.convertToFormat(QImage.Format.Format_RGB32)
    raw = np.frombuffer(small.constBits(), np.uint8).reshape(small.height(), small.width(), 4)
    return raw[..., :3].astype(np.int16)


@pytest.mark.parametrize("name", CASES)
def test_it_looks_as_it_was_approved(qtbot: QtBot, qapp: QApplication, name: str) -> None:
    make, size, theme_name, scale = CASES[name]
    theme.apply(qapp, theme_name, scale=scale)
    if name == "german":
        i18n.use_language(["de"])
    widget, show_state = make()
    qtbot.addWidget(widget)
    widget.resize(*size)
    qapp.processEvents()
    show_state()
    qapp.processEvents()
    shot = widget.grab().toImage()
    approved = LOOKS / f"{name}.png"
    if os.environ.get("EMOLIVE_NEW_LOOKS") == "1":
        LOOKS.mkdir(exist_ok=True)
        shot.scaledToWidth(480, Qt.TransformationMode.SmoothTransformation).save(str(approved))
    expected = QImage(str(approved))
    assert not expected.isNull(), f"{approved} is missing: see the top of this file"
    difference = np.abs(coarse(shot) - coarse(expected)).mean()
    assert difference < TOLERANCE, f"{name} has changed: see the top of this file"


def test_the_comparison_notices_a_missing_part() -> None:
    """Each pair of approved pictures of one size and theme differs by more than what is tolerated."""
    names = ("live-dark", "no-camera", "presentation")
    pictures = {name: coarse(QImage(str(LOOKS / f"{name}.png"))) for name in names}
    for first in names:
        for second in names:
            if first != second:
                assert np.abs(pictures[first] - pictures[second]).mean() > TOLERANCE, (first, second)
