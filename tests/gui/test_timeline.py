"""The timeline: history, legend, marks, hover, pause, scrub, zoom."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from emolive.clock import NS_PER_S, to_ns
from emolive.gui.estimate_history import KEPT_S, MOST_POINTS, EstimateHistory
from emolive.gui.view_state import EstimateView, Mark, ResultState
from emolive.gui.widgets.timeline import LONGEST_SPAN_S, SHORTEST_SPAN_S, SPAN_S, Timeline

LABELS = ("happy", "sad")
NOW_S = 100.0


def view(t_s: float, source: str = "0", happy: float = 0.7) -> EstimateView:
    return EstimateView(
        to_ns(t_s), LABELS, (happy, 1 - happy), "happy", f"happy {round(100 * happy)} %", "face only", source
    )


@pytest.fixture
def timeline(qtbot: QtBot) -> Timeline:
    """100 s of estimates up to NOW_S, shown."""
    widget = Timeline()
    qtbot.addWidget(widget)
    widget.resize(800, 160)
    widget.show()
    for step in range(401):
        widget.show_result(ResultState(view(step / 4), 1.0, to_ns(step / 4)))
    widget.draw(to_ns(NOW_S), "happy")
    return widget


def test_another_source_is_not_connected(qtbot: QtBot) -> None:
    widget = Timeline()
    qtbot.addWidget(widget)
    for t_s, source in ((1.0, "a.mp4"), (1.24, "a.mp4"), (1.5, "b.mp4"), (1.74, "b.mp4")):
        widget.show_result(ResultState(view(t_s, source), 1.0, to_ns(t_s)))
    times, table = widget.series(to_ns(1.74))
    assert np.isnan(table).any(axis=1).tolist() == [False, False, True, False, False]
    assert len(times) == 5


def test_a_long_span_is_thinned_and_old_estimates_are_forgotten() -> None:
    history = EstimateHistory(1)
    for step in range(12_000):
        history.add(step * NS_PER_S // 4, (0.5,))
    assert len(history) < 1.15 * KEPT_S * 4
    times, table = history.series(11_999 * NS_PER_S // 4, LONGEST_SPAN_S)
    assert len(times) < 2 * MOST_POINTS
    assert not np.isnan(table).any(), "a thinned curve has no gaps of its own"


def test_the_wheel_and_keys_zoom_within_limits(qtbot: QtBot, timeline: Timeline) -> None:
    timeline.setFocus()
    assert timeline.span_s == SPAN_S
    qtbot.keyClick(timeline, Qt.Key.Key_Plus)
    assert timeline.span_s < SPAN_S
    for _ in range(20):
        timeline.zoom(0.5)
    assert timeline.span_s == SHORTEST_SPAN_S
    for _ in range(40):
        timeline.zoom(2)
    assert timeline.span_s == LONGEST_SPAN_S


def test_it_pauses_while_estimates_come_in(qtbot: QtBot, timeline: Timeline) -> None:
    timeline.setFocus()
    qtbot.keyClick(timeline, Qt.Key.Key_Space)
    assert timeline.paused
    timeline.show_result(ResultState(view(NOW_S + 5), 1.0, to_ns(NOW_S + 5)))
    timeline.draw(to_ns(NOW_S + 5))
    assert timeline.end_ns == to_ns(NOW_S)
    qtbot.keyClick(timeline, Qt.Key.Key_Left)
    assert timeline.end_ns == to_ns(NOW_S - 6)
    assert "Paused 11 s ago" in timeline.legend.note
    qtbot.keyClick(timeline, Qt.Key.Key_Right)
    assert timeline.end_ns == to_ns(NOW_S)
    qtbot.keyClick(timeline, Qt.Key.Key_End)
    assert not timeline.paused
    assert timeline.end_ns == to_ns(NOW_S + 5)


def test_it_cannot_be_scrubbed_past_its_ends(timeline: Timeline) -> None:
    timeline.scrub(10_000)
    assert timeline.end_ns == 0, "the first estimate"
    timeline.scrub(-10_000)
    assert not timeline.paused


def test_dragging_looks_back_and_a_double_click_returns(qtbot: QtBot, timeline: Timeline) -> None:
    middle = timeline.height() // 2
    qtbot.mousePress(timeline, Qt.MouseButton.LeftButton, pos=QPoint(200, middle))
    qtbot.mouseMove(timeline, QPoint(500, middle))
    qtbot.mouseRelease(timeline, Qt.MouseButton.LeftButton, pos=QPoint(500, middle))
    assert timeline.paused
    assert timeline.end_ns < to_ns(NOW_S - 10)
    qtbot.mouseDClick(timeline, Qt.MouseButton.LeftButton, pos=QPoint(200, middle))
    assert not timeline.paused


def test_the_mouse_reads_values_and_marks(qtbot: QtBot, timeline: Timeline) -> None:
    qtbot.mouseMove(timeline, QPoint(400, 80))
    assert "happy 70 %, sad 30 %" in timeline.legend.note
    assert "s ago" in timeline.legend.note
    mark = Mark(to_ns(NOW_S - 20), "fusion", "Fusion it")
    timeline.show_result(ResultState(view(NOW_S), 1.0, to_ns(NOW_S), marks=(mark,)))
    timeline.draw(to_ns(NOW_S))
    assert any("Fusion it" in timeline.values_at(x) for x in range(0, 800, 2))
    qtbot.mouseMove(timeline, QPoint(-50, -50))


def test_shortcuts_of_the_window_get_other_keys(qtbot: QtBot, timeline: Timeline) -> None:
    """It keeps only the keys that it uses, and those only while it has the focus."""
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QKeyEvent
    from PySide6.QtWidgets import QApplication

    def kept(key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> bool:
        event = QKeyEvent(QEvent.Type.ShortcutOverride, key, modifier)
        event.setAccepted(False)
        QApplication.sendEvent(timeline, event)
        return event.isAccepted()

    assert kept(Qt.Key.Key_Space)
    assert not kept(Qt.Key.Key_C)
    assert not kept(Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
