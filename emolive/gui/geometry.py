"""Where the window opens: as large as designed, within its screen, or where it was."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from emolive.gui.theme import scale_in_use
from emolive.gui.ui_settings import UiSettings

DESIGNED = QSize(1280, 800)
SMALLEST = QSize(600, 400)
TITLE_BAR_PX = 36
"""Room for the frame, whose size is known only once the window is shown."""


def place(window: QWidget, settings: UiSettings) -> None:
    """Give a window its minimum size, and the place where it was or the size that fits its screen."""
    screen = window.screen() or QGuiApplication.primaryScreen()
    available = screen.availableGeometry()
    if QGuiApplication.platformName() == "offscreen":
        # There is no screen to fit: the picture of the window has the designed size.
        available = QRect(0, 0, 1 << 14, 1 << 14)
    room = QSize(available.width(), available.height() - TITLE_BAR_PX)
    window.setMinimumSize(SMALLEST.boundedTo(room))
    window.resize(first_size(available))
    if (saved := settings.geometry()) is not None and window.restoreGeometry(saved):
        screen = window.screen() or screen
        keep_on_screen(window, screen.availableGeometry())


def first_size(available: QRect) -> QSize:
    """The size of a window that was never moved, on a screen with this much room."""
    room = QSize(available.width(), available.height() - TITLE_BAR_PX)
    return (DESIGNED * scale_in_use()).boundedTo(room)


def keep_on_screen(window: QWidget, available: QRect) -> None:
    """Make a window that does not fit smaller, and move it until all of it is on its screen."""
    if window.isMaximized() or window.isFullScreen():
        return
    size = window.size().boundedTo(QSize(available.width(), available.height() - TITLE_BAR_PX))
    if size != window.size():
        window.resize(size)
    frame = window.frameGeometry()
    x = max(available.left(), min(frame.x(), available.right() + 1 - frame.width()))
    y = max(available.top(), min(frame.y(), available.bottom() + 1 - frame.height()))
    if (x, y) != (frame.x(), frame.y()):
        window.move(x, y)
