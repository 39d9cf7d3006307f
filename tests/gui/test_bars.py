"""The bars, their peaks, and the label that fits its width."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF
from PySide6.QtGui import QFontMetricsF, QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from emolive.gui import theme
from emolive.gui.widgets.bars import PEAK_HOLD_S, Bars, PeakHold
from emolive.gui.widgets.fitted_label import FittedLabel, fitting_size
from emolive.models.spec import EMOTIONS
from tests.helpers.window_driver import TIMEOUT_MS


def test_a_peak_holds_then_falls_to_the_value() -> None:
    peak = PeakHold()
    assert peak.update(0.8, 0.0) == 0.8
    assert peak.update(0.2, PEAK_HOLD_S) == 0.8
    lower = peak.update(0.2, PEAK_HOLD_S + 0.5)
    assert 0.2 < lower < 0.8
    assert peak.update(0.2, PEAK_HOLD_S + 10) == 0.2
    assert peak.update(0.9, PEAK_HOLD_S + 11) == 0.9


def test_bars_show_values_peaks_and_a_description(qtbot: QtBot) -> None:
    now_s = 0.0
    bars = Bars(clock=lambda: now_s)
    qtbot.addWidget(bars)
    bars.set_labels(("happy", "sad"))
    now_s = 5.0
    bars.show_values((0.62, 0.38), ("happy",))
    now_s = 5.2
    bars.show_values((0.30, 0.70), ("sad",))
    assert bars.percents == ("30 %", "70 %")
    assert bars.peaks == (0.62, 0.70)
    now_s = 7.0
    bars.show_values((0.30, 0.70), ("sad",))
    assert bars.accessibleDescription() == "happy 30 %, sad 70 %"
    bars.show_values((0.30, 0.70), presence=0.5)
    assert bars.percents == ("–", "–")


@pytest.mark.parametrize(("height", "large"), [(140, False), (500, False), (300, True), (1600, True)])
def test_bars_are_painted_at_every_height(qtbot: QtBot, height: int, large: bool) -> None:
    bars = Bars(large=large)
    qtbot.addWidget(bars)
    bars.resize(240, height)
    bars.set_labels(EMOTIONS)
    bars.show_values([0.9] + [0.1 / 7] * 7, ("neutral",))
    shot = bars.grab().toImage()
    color = theme.COLORS.emotions["neutral"]
    painted = {
        shot.pixelColor(x, y).name() for x in range(0, shot.width(), 3) for y in range(0, shot.height() // 7)
    }
    assert color in painted


def test_a_label_is_explained_under_the_mouse(qtbot: QtBot, qapp: QApplication) -> None:
    bars = Bars()
    qtbot.addWidget(bars)
    bars.resize(240, 400)
    bars.set_labels(EMOTIONS)
    bars.show()
    assert bars.row_at(60) == 1
    assert bars.row_at(5000) is None
    event = QHelpEvent(QEvent.Type.ToolTip, QPoint(20, 60), bars.mapToGlobal(QPoint(20, 60)))
    qapp.sendEvent(bars, event)
    assert QToolTip.text().startswith("Relaxed and at ease.")
    QToolTip.hideText()
    qtbot.waitUntil(
        lambda: not any(top.inherits("QTipLabel") and top.isVisible() for top in qapp.topLevelWidgets()),
        timeout=TIMEOUT_MS,
    )


@pytest.mark.parametrize("width", [120, 180, 250, 700])
def test_a_headline_is_never_cut_off(qtbot: QtBot, width: int) -> None:
    """At a window 860 wide the percent sign was missing."""
    label = FittedLabel(30)
    qtbot.addWidget(label)
    label.resize(width, label.height())
    label.show_text("Surprised 100 %")
    assert QFontMetricsF(theme.font(label.text_px, bold=True)).horizontalAdvance(label.text()) <= width
    assert label.text_px == 30 or width < 260
    assert label.accessibleName() == "Surprised 100 %"


def test_a_text_that_cannot_fit_has_the_smallest_size() -> None:
    assert fitting_size("x" * 500, 30, 50) == 9


def test_the_mouse_is_outside(qtbot: QtBot) -> None:
    bars = Bars()
    qtbot.addWidget(bars)
    assert bars.row_at(QPointF(0, 0).y()) is None, "there are no labels yet"
