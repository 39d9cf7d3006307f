"""Single widgets, and the Qt binding."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QApplication, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from emolive.clock import NS_PER_S
from emolive.gui import theme
from emolive.gui.frame_converter import FrameConverter
from emolive.gui.view_state import Message, StatusLine, StatusState, VideoState
from emolive.gui.widgets import video_view
from emolive.gui.widgets.level_meter import LevelMeter
from emolive.gui.widgets.person_field import PersonField
from emolive.gui.widgets.status_bar import StatusBar
from emolive.gui.widgets.timeline import SPAN_S, Timeline
from emolive.gui.widgets.video_view import VideoView
from emolive.models.spec import EMOTIONS
from emolive.types import BoundingBox, Face, Frame, Status
from tests.helpers.window_driver import TIMEOUT_MS


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None cannot be lost from Python 3.12 on")
def test_the_binding_does_not_lose_references_to_none(qtbot: QtBot) -> None:
    """PySide6 6.12.0 leaks a reference per painted line, which ends the program within minutes."""
    pixmap = QPixmap(20, 20)
    painter = QPainter(pixmap)
    before = sys.getrefcount(None)
    for _ in range(500):
        painter.fillRect(QRectF(0, 0, 1, 1), QColor("#fff"))
    lost = before - sys.getrefcount(None)
    painter.end()
    assert lost < 100, "this PySide6 is broken on this Python: install PySide6-Essentials below 6.12"


# --- video


def frame(image: np.ndarray, index: int = 0) -> VideoState:
    return VideoState(frame=Frame(index, image, index))


def test_the_picture_is_painted_as_it_is(qtbot: QtBot) -> None:
    view = VideoView()
    qtbot.addWidget(view)
    image = np.zeros((60, 80, 3), np.uint8)
    image[:, :40] = (255, 0, 0)  # the left half is blue
    image[:, 40:] = (0, 0, 255)
    view.resize(400, 200)
    state = frame(image)
    view.show_state(state)
    shot = view.grab().toImage()
    assert view.painted == 1
    ratio = shot.devicePixelRatio()

    def color(x: int, y: int) -> str:
        return shot.pixelColor(round(x * ratio), round(y * ratio)).name()

    assert color(150, 100) == "#0000ff"
    assert color(250, 100) == "#ff0000"
    assert color(20, 100) not in ("#0000ff", "#ff0000"), "the picture keeps its shape"
    view.show_state(VideoState(frame=state.frame, mirrored=True))
    shot = view.grab().toImage()
    assert color(150, 100) == "#ff0000"
    assert view.painted == 1, "a frame counts once"


def test_frames_that_are_not_contiguous_are_painted_too(qtbot: QtBot) -> None:
    view = VideoView()
    qtbot.addWidget(view)
    view.show_state(frame(np.zeros((60, 160, 3), np.uint8)[:, ::2]))
    assert not view.grab().isNull()


def test_a_message_replaces_the_picture(qtbot: QtBot) -> None:
    view = VideoView()
    qtbot.addWidget(view)
    view.resize(320, 240)
    view.show_state(frame(np.full((48, 64, 3), 255, np.uint8)))
    view.show_state(VideoState(message=Message("No video", "The camera is gone.")))
    assert view.grab().toImage().pixelColor(5, 5).name() == theme.COLORS.surface


def pixels_of(image: QImage) -> np.ndarray:
    """(height, width, 3) BGR."""
    raw = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
    return raw[..., :3].copy()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("scale", [1, 2])
def test_a_frame_is_converted_once(mirrored: bool, scale: int) -> None:
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (4, 6, 3), np.uint8).repeat(10, axis=0).repeat(10, axis=1)
    converter = FrameConverter()
    image = converter.convert(blocks, 60 * scale, 40 * scale, mirrored=mirrored)
    expected = blocks[:, ::-1] if mirrored else blocks
    middles = slice(5 * scale, None, 10 * scale)
    np.testing.assert_array_equal(pixels_of(image)[middles, middles], expected[5::10, 5::10])
    # Overwritten: a second conversion would restore the pixels.
    image.fill(0)
    assert not pixels_of(converter.convert(blocks, 60 * scale, 40 * scale, mirrored=mirrored)).any()
    assert pixels_of(converter.convert(blocks.copy(), 60 * scale, 40 * scale, mirrored=mirrored)).any()


class CountingView(VideoView):
    paints = 0

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        self.paints += 1


@pytest.mark.parametrize("waits", [True, False])
def test_a_face_waits_for_the_next_frame_but_not_for_ever(
    qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    monkeypatch.setattr(video_view, "FACE_DELAY_S", 1e9 if waits else -1.0)
    monkeypatch.setattr(video_view, "MIN_FRAME_S", 0.0)
    view = CountingView()
    qtbot.addWidget(view)
    view.resize(320, 240)
    view.show()
    image = np.zeros((48, 64, 3), np.uint8)
    state = frame(image)
    view.show_state(state)
    qtbot.waitUntil(lambda: view.painted == 1, timeout=TIMEOUT_MS)
    qapp.processEvents()
    before = view.paints
    view.show_state(VideoState(frame=state.frame, face=Face(BoundingBox(10, 10, 20, 20), 0.9)))
    qapp.processEvents()
    assert view.paints == before + (0 if waits else 1)
    view.show_state(frame(image.copy(), 1))
    qtbot.waitUntil(lambda: view.painted == 2, timeout=TIMEOUT_MS)


# --- timeline


def test_timeline_has_gaps_where_there_was_no_estimate(qtbot: QtBot) -> None:
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.set_labels(("a", "b"))
    for t_s in (1.0, 1.25, 1.5, 6.0, 6.25):
        timeline.add(round(t_s * NS_PER_S), (0.25, 0.75))
    times, table = timeline.series(round(6.25 * NS_PER_S))
    assert np.isnan(table).any(axis=1).tolist() == [False, False, False, True, False, False]
    assert times[-1] == 0


def test_timeline_keeps_a_minute_and_starts_again_with_another_source(qtbot: QtBot) -> None:
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


# --- colours and tooltips


def test_colors_are_fixed_and_distinct() -> None:
    colors = [color.name() for color in theme.emotion_colors(EMOTIONS)]
    assert len(set(colors)) == len(EMOTIONS)
    assert colors == [theme.COLORS.emotions[label] for label in EMOTIONS]


def test_other_labels_get_the_colors_that_are_left() -> None:
    colors = [color.name() for color in theme.emotion_colors(("happiness", "bored", "keen"))]
    assert colors[0] == theme.COLORS.emotions["happy"]
    assert len(set(colors)) == 3


def contrast(first: str, second: str) -> float:
    """Of two colours, as WCAG 2 defines it: 1 for the same, 21 for black on white."""

    def luminance(name: str) -> float:
        color = QColor(name)
        linear = [
            value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
            for value in (color.redF(), color.greenF(), color.blueF())
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_text_can_be_read_on_its_background() -> None:
    colors = theme.COLORS
    for ink in (colors.text, colors.dim):
        for ground in (colors.background, colors.surface, colors.raised):
            assert contrast(ink, ground) >= 4.5
    for color in theme.COLORS.emotions.values():
        assert contrast(colors.ink, color) >= 4.5


def tooltip_of(qtbot: QtBot, widget: QWidget) -> QImage:
    """A picture of the widget's tooltip."""
    QToolTip.showText(QPoint(50, 50), widget.toolTip(), widget)

    def visible_widget() -> QWidget | None:
        return next((top for top in QApplication.topLevelWidgets() if top.inherits("QTipLabel")), None)

    qtbot.waitUntil(lambda: (tip := visible_widget()) is not None and tip.isVisible(), timeout=TIMEOUT_MS)
    tip = visible_widget()
    assert tip is not None
    image = tip.grab().toImage()
    QToolTip.hideText()
    qtbot.waitUntil(lambda: (tip := visible_widget()) is None or not tip.isVisible(), timeout=TIMEOUT_MS)
    return image


@pytest.mark.parametrize("which", ["badge", "line", "level", "headline"])
def test_tooltips_can_be_read(qtbot: QtBot, qapp: QApplication, which: str) -> None:
    """A style sheet without a selector makes a widget's tooltip a black box."""
    from emolive.gui.widgets.results_panel import ResultsPanel

    theme.apply(qapp)
    bar, level, results = StatusBar(), LevelMeter(), ResultsPanel()
    for widget in (bar, level, results):
        qtbot.addWidget(widget)
        widget.resize(600, 60)
        widget.show()
    status = Status("camera", "error", "stalled", "The camera sends no frames.")
    bar.show_state(StatusState((status,), StatusLine(status.text, "error", status.text)))
    results.headline.setToolTip("A sentence about the headline.")
    widget = {
        "badge": bar.badges.badges["camera"],
        "line": bar.findChild(QWidget, "message"),
        "level": level,
        "headline": results.headline,
    }[which]
    assert isinstance(widget, QWidget)
    image = tooltip_of(qtbot, widget)
    colors = [
        image.pixelColor(x, y).name() for x in range(0, image.width()) for y in range(0, image.height())
    ]
    ground = max(set(colors), key=colors.count)
    assert ground == theme.COLORS.raised
    assert max(contrast(color, ground) for color in set(colors)) >= 4.5


# --- small controls


def test_the_level_rises_at_once_and_falls_slowly(qtbot: QtBot) -> None:
    meter = LevelMeter()
    qtbot.addWidget(meter)
    meter.show_level(-12.0)
    assert meter.level == pytest.approx(0.8)
    meter.show_level(-120.0)
    assert 0.7 < meter.level < 0.8
    for _ in range(50):
        meter.show_level(-120.0)
    assert meter.level == 0


def test_an_empty_name_is_undone(qtbot: QtBot) -> None:
    field = PersonField()
    qtbot.addWidget(field)
    field.show_person("guest")
    field.setText("  ")
    with qtbot.assertNotEmitted(field.chosen):
        field.editingFinished.emit()
    assert field.text() == "guest"
