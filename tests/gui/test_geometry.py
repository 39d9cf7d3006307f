"""The window fits its screen, and another start finds it there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QRect, QSize
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from emolive.gui import geometry, theme
from emolive.gui.single_instance import InstanceLock
from emolive.gui.widgets.controls import Controls
from tests.helpers.fake_session import FUSIONS
from tests.helpers.window_driver import WindowDriver


@pytest.fixture(autouse=True)
def _designed(qapp: QApplication) -> Iterator[None]:
    theme.apply(qapp, scale=1.0)
    yield
    theme.apply(qapp, scale=1.0)


@pytest.mark.parametrize(
    ("screen", "scale"), [((1280, 720), 1.0), ((640, 480), 1.0), ((1920, 1080), 1.0), ((3840, 2160), 2.0)]
)
def test_the_first_window_fits_the_screen(screen: tuple[int, int], scale: float) -> None:
    theme.set_scale(scale)
    size = geometry.first_size(QRect(0, 0, *screen))
    assert size.width() <= screen[0]
    assert size.height() <= screen[1] - geometry.TITLE_BAR_PX
    if screen[0] >= 1920:
        assert size == geometry.DESIGNED * scale


def test_a_window_of_a_larger_screen_is_brought_back(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.setGeometry(1500, 900, 1400, 900)
    geometry.keep_on_screen(window, QRect(0, 0, 1280, 720))
    assert window.size() == QSize(1280, 720 - geometry.TITLE_BAR_PX)
    assert QRect(0, 0, 1280, 720).contains(window.frameGeometry())


def test_controls_stand_in_two_rows_where_there_is_little_room(qtbot: QtBot) -> None:
    controls = Controls(FUSIONS)
    qtbot.addWidget(controls)
    controls.show()
    for width, rows in ((1200, 1), (640, 2), (1200, 1)):
        controls.resize(width, 130)
        assert controls.rows == rows
        controls.layout().activate()
        inside = controls.rect().adjusted(-1, 0, 1, 999)
        assert inside.contains(controls.more.geometry().translated(controls.more.parentWidget().pos()))
        assert controls.more.width() > 30


def test_everything_is_inside_a_small_window(driver: WindowDriver) -> None:
    window = driver.open()
    window.setMinimumSize(100, 100)
    window.resize(640, 444)
    view = window.view
    badges = view.status_bar.badges

    def outside() -> list[str]:
        """What does not fit, once all is laid out."""
        names = [
            type(widget).__name__
            for widget in (view.video, view.results, view.status_bar, view.results.bars)
            if not window.rect().contains(widget.mapTo(window, widget.rect().bottomRight()))
        ]
        return names + [
            badge.source
            for badge in badges.badges.values()
            if not badges.rect().contains(badge.geometry())
            or badge.width() < badge.minimumSizeHint().width() - 2
        ]

    driver.until(lambda: view.width() == 640 and not view.timeline.isVisible())  # there is no room for it
    driver.until(lambda: outside() == [])
    window.resize(800, 700)
    driver.until(view.timeline.isVisible)


def test_only_the_first_window_has_the_lock() -> None:
    first = InstanceLock()
    assert first.is_first
    second = InstanceLock()
    assert not second.is_first
    second.release()
    first.release()
    third = InstanceLock()
    assert third.is_first
    third.release()
