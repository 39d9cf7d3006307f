"""The parts of the window one by one, and the binding to Qt under them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from emolive.clock import NS_PER_S
from emolive.gui import strings as words
from emolive.gui import theme, video_view
from emolive.gui.frame_converter import FrameConverter
from emolive.gui.pending_selection import PendingSelection
from emolive.gui.timeline import SPAN_S, Timeline
from emolive.gui.video_view import VideoView
from emolive.models.spec import EMOTIONS
from emolive.types import BoundingBox, Face, Frame

pytestmark = [pytest.mark.qt_log_level_fail("WARNING"), pytest.mark.qt_log_ignore("propagateSizeHints")]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None cannot be lost from Python 3.12 on")
def test_the_binding_does_not_lose_references_to_none(qtbot: QtBot) -> None:
    """PySide6 6.12.0 does, at every painted line, until the program dies of it within minutes."""
    pixmap = QPixmap(20, 20)
    painter = QPainter(pixmap)
    before = sys.getrefcount(None)
    for _ in range(500):
        painter.fillRect(QRectF(0, 0, 1, 1), QColor("#fff"))
    lost = before - sys.getrefcount(None)
    painter.end()
    assert lost < 100, "this PySide6 is broken on this Python: install PySide6-Essentials below 6.12"


def test_the_picture_is_painted_as_it_is(qtbot: QtBot) -> None:
    view = VideoView()
    qtbot.addWidget(view)
    image = np.zeros((60, 80, 3), np.uint8)
    image[:, :40] = (255, 0, 0)  # the left half is blue
    image[:, 40:] = (0, 0, 255)
    view.resize(400, 200)
    view.show_frame(Frame(0, image, 0))
    shot = view.grab().toImage()
    assert view.painted == 1
    ratio = shot.devicePixelRatio()

    def color(x: int, y: int) -> str:
        return shot.pixelColor(round(x * ratio), round(y * ratio)).name()

    assert color(150, 100) == "#0000ff"
    assert color(250, 100) == "#ff0000"
    assert color(20, 100) not in ("#0000ff", "#ff0000"), "the picture keeps its shape"
    view.mirrored = True
    view.update()
    shot = view.grab().toImage()
    assert color(150, 100) == "#ff0000"
    assert view.painted == 1, "a frame counts once"


def test_frames_that_are_not_contiguous_are_painted_too(qtbot: QtBot) -> None:
    view = VideoView()
    qtbot.addWidget(view)
    view.show_frame(Frame(0, np.zeros((60, 160, 3), np.uint8)[:, ::2], 0))
    assert not view.grab().isNull()


def test_timeline_has_gaps_where_there_was_no_estimate(qtbot: QtBot) -> None:
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.set_labels(("a", "b"))
    for t_s in (1.0, 1.25, 1.5, 6.0, 6.25):
        timeline.add(round(t_s * NS_PER_S), (0.25, 0.75))
    times, table = timeline.series(round(6.25 * NS_PER_S))
    assert np.isnan(table).any(axis=1).tolist() == [False, False, False, True, False, False]
    assert times[-1] == 0


def test_timeline_keeps_a_minute_and_forgets_another_clock(qtbot: QtBot) -> None:
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.set_labels(("a",))
    for step in range(500):
        timeline.add(step * NS_PER_S // 4, (0.5,))
    timeline.draw(499 * NS_PER_S // 4, "a")
    times, _ = timeline.series(499 * NS_PER_S // 4)
    assert -SPAN_S - 2.5 < times[0] < -SPAN_S + 1
    timeline.add(5, (0.5,))
    assert timeline.series(5)[0].tolist() == [0]


def test_colors_are_fixed_and_distinct() -> None:
    colors = [color.name() for color in theme.emotion_colors(EMOTIONS)]
    assert len(set(colors)) == len(EMOTIONS)
    assert theme.emotion_colors(("sad", "happy"))[1].name() == colors[EMOTIONS.index("happy")]
    assert theme.emotion_colors(("Anger",))[0].name() == colors[EMOTIONS.index("angry")]
    assert len({color.name() for color in theme.emotion_colors(("positive", "neutral", "negative"))}) == 3
    assert len(theme.emotion_colors([f"class {i}" for i in range(30)])) == 30


@pytest.mark.parametrize(
    ("source", "kind", "title"),
    [
        ("auto", "auto", "Automatic"),
        ("demo", "demo", "Drawn demo"),
        ("none", "none", "No picture"),
        ("0", "camera", "Camera 0"),
        ("/dev/video0", "camera", "Camera 0"),
        ("USB2.0 HD UVC WebCam: USB2.0 HD", "camera", "USB2.0 HD UVC WebCam: USB2.0 HD"),
        ("http://10.0.0.2:8080/video", "stream", "10.0.0.2:8080"),
        ("clips/one.mp4", "file", "one.mp4"),
        ("one.webm", "file", "one.webm"),
    ],
)
def test_sources_are_named(source: str, kind: str, title: str) -> None:
    assert words.source_kind(source) == kind
    assert words.source_title(source) == title


def test_a_wish_is_shown_until_it_is_answered() -> None:
    now_s = 0.0
    pending = PendingSelection(lambda: now_s)
    assert pending.shown("ia") == "ia"
    pending.want("lt")
    assert pending.shown("ia") == "lt"
    assert pending.shown("ia", failed=True) == "lt", "an old fault is no answer"
    now_s = 2.0
    assert pending.shown("ia", failed=True) == "ia"
    pending.want("it")
    assert pending.shown("it") == "it"
    assert pending.shown("ia") == "ia"
    pending.want("lt")
    now_s = 60.0
    assert pending.shown("ia") == "ia", "patience ends"


def pixels_of(image: QImage) -> np.ndarray:
    """(height, width, 3) BGR."""
    raw = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
    return raw[..., :3].copy()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("times", [1, 2])
def test_a_screen_image_is_the_frame_and_is_made_once(mirrored: bool, times: int) -> None:
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (4, 6, 3), np.uint8).repeat(10, axis=0).repeat(10, axis=1)
    screen = FrameConverter()
    image = screen.show(blocks, 60 * times, 40 * times, mirrored=mirrored)
    expected = blocks[:, ::-1] if mirrored else blocks
    middles = slice(5 * times, None, 10 * times)
    np.testing.assert_array_equal(pixels_of(image)[middles, middles], expected[5::10, 5::10])
    # Painted over: a second conversion would bring the pixels back.
    image.fill(0)
    assert not pixels_of(screen.show(blocks, 60 * times, 40 * times, mirrored=mirrored)).any()
    assert pixels_of(screen.show(blocks.copy(), 60 * times, 40 * times, mirrored=mirrored)).any()


class Counted(VideoView):
    paints = 0

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        self.paints += 1


@pytest.mark.parametrize("waits", [True, False])
def test_a_face_waits_for_the_next_frame_but_not_for_ever(
    qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    monkeypatch.setattr(video_view, "FACE_ALONE_S", 1e9 if waits else -1.0)
    view = Counted()
    qtbot.addWidget(view)
    view.resize(320, 240)
    view.show()
    view.show_frame(Frame(0, np.zeros((48, 64, 3), np.uint8), 0))
    qtbot.waitUntil(lambda: view.painted == 1)
    qapp.processEvents()
    before = view.paints
    view.annotate(Face(BoundingBox(10, 10, 20, 20), 0.9), None)
    qapp.processEvents()
    assert view.paints == before + (0 if waits else 1)
    view.show_frame(Frame(1, np.zeros((48, 64, 3), np.uint8), 1))
    qtbot.waitUntil(lambda: view.painted == 2)
