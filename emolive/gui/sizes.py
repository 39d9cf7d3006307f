"""The sizes of the window, in device-independent pixels, and the scale of the screen.

`SIZES` are the ones in use: `emolive.gui.theme.apply` changes their values.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from PySide6.QtGui import QFont


@dataclass(slots=True)
class Sizes:
    """Font sizes, distances and radii in device-independent pixels."""

    caption_px: int = 11
    note_px: int = 12
    text_px: int = 13
    large_px: int = 14
    title_px: int = 20
    headline_px: int = 30
    control_height_px: int = 30
    gap_px: int = 8
    panel_radius_px: int = 10
    control_radius_px: int = 6
    badge_height_px: int = 16


_DESIGNED = Sizes()
SIZES = Sizes()
"""The sizes in use."""

DESIGN_HEIGHT_PX = 1080
"""The sizes are made for a screen of this height, and grow with a larger one."""
LARGEST_SCALE = 2.5


def scale_for(screen_height_px: int) -> float:
    """How much larger than designed everything is on a screen of this height, in device-independent pixels.

    1 up to full HD. A 4K screen at scale 1 has twice the pixels on the same area and gets 2.
    """
    return min(LARGEST_SCALE, max(1.0, screen_height_px / DESIGN_HEIGHT_PX))


def set_scale(scale: float) -> None:
    """Use sizes of this scale from now on; widgets that exist keep theirs until `apply`."""
    for item in fields(Sizes):
        setattr(SIZES, item.name, round(getattr(_DESIGNED, item.name) * scale))


def scale_in_use() -> float:
    """The scale of the sizes."""
    return SIZES.text_px / _DESIGNED.text_px


def scaled(designed_px: float) -> float:
    """A length that was designed for a screen of `DESIGN_HEIGHT_PX`, at the scale in use."""
    return designed_px * scale_in_use()


def font(size_px: int, *, bold: bool = False) -> QFont:
    """The application's font in another size."""
    result = QFont()
    result.setPixelSize(size_px)
    if bold:
        result.setWeight(QFont.Weight.DemiBold)
    return result
