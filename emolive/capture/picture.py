"""From decoded frames to upright BGR images with square pixels and the colours of a screen."""

from __future__ import annotations

import threading
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emolive.types import Image

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter

MAX_SIDE_PX = 2560
"""Larger pictures are reduced: a face in them has more pixels than are looked at."""
_MAX_ASPECT = 4
"""Pixels that are said to be longer than this are a fault of the file."""
_Values = NDArray[np.float64]
_PQ, _HLG = 16, 18
"""Transfer characteristics of ITU-T H.273."""
_BT2020 = 9
"""Colour primaries of ITU-T H.273."""
_WHITE_NITS = 203.0
"""Reference white of ITU-R BT.2408, which becomes the white of an ordinary picture."""
_KNEE = 0.9
"""What is brighter than this share of the white is compressed."""
_BT2020_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
"""ITU-R BT.2407, for RGB."""


class PictureConverter:
    """Converts the frames of one stream. Thread-safe.

    Args:
        pixel_aspect: width of a pixel over its height; None if the file does not say.
    """

    def __init__(self, pixel_aspect: Fraction | None = None) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter: VideoReformatter = VideoReformatter()
        self._lock = threading.Lock()
        """The reformatter is not thread-safe."""
        self._aspect = Fraction(1)
        if pixel_aspect and Fraction(1, _MAX_ASPECT) <= pixel_aspect <= _MAX_ASPECT:
            self._aspect = pixel_aspect

    def __call__(self, frame: VideoFrame) -> Image:
        """(height, width, 3) BGR uint8, contiguous."""
        width, height = output_size(frame.width, frame.height, self._aspect)
        is_smaller = width * height < frame.width * frame.height
        with self._lock:
            converted = self._reformatter.reformat(
                frame,
                width=width,
                height=height,
                format="bgr24",
                interpolation="AREA" if is_smaller else "BILINEAR",
                threads=1,
            )
        image: Image = np.asarray(converted.to_ndarray(), np.uint8)
        if frame.color_trc in (_PQ, _HLG):
            image = tone_map(image, frame.color_trc, wide_gamut=frame.color_primaries == _BT2020)
        quarter_turns = round(frame.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(image, quarter_turns), dtype=np.uint8)


def output_size(width: int, height: int, pixel_aspect: Fraction) -> tuple[int, int]:
    """Width and height of a picture with square pixels, at most MAX_SIDE_PX on its longer side."""
    across = width * max(pixel_aspect, Fraction(1))
    down = height / min(pixel_aspect, Fraction(1))
    scale = min(Fraction(1), MAX_SIDE_PX / max(across, down))
    return max(1, round(across * scale)), max(1, round(down * scale))


def tone_map(image: Image, transfer: int, *, wide_gamut: bool) -> Image:
    """Bring a picture of high dynamic range to the range and colours of BT.709.

    The curve and the colours are applied to the coded values of 8 bit, which is exact for greys and near
    enough for skin.

    Args:
        image: (height, width, 3) BGR as coded.
        transfer: 16 (PQ, SMPTE ST 2084) or 18 (HLG, ARIB STD-B67).
        wide_gamut: its primaries are those of BT.2020.
    """
    # OpenCV is not imported before the window is there.
    from emolive._compat.opencv import cv2

    toned = cv2.LUT(image, _curve(transfer))
    if wide_gamut:
        toned = cv2.transform(toned, _BT2020_TO_BT709[::-1, ::-1])
    return np.asarray(toned, np.uint8)


@lru_cache(maxsize=2)
def _curve(transfer: int) -> Image:
    """(256,) coded value of high dynamic range → coded value of BT.709."""
    coded = np.arange(256) / 255
    light = (_pq_nits(coded) if transfer == _PQ else _hlg_nits(coded)) / _WHITE_NITS
    above = np.maximum(light - _KNEE, 0)
    light = np.minimum(light, _KNEE) + (1 - _KNEE) * (1 - np.exp(-above / (1 - _KNEE)))
    # BT.1886: the light that a screen gives is the coded value to the power of 2.4.
    return np.asarray(np.round(255 * light ** (1 / 2.4)), np.uint8)


def _pq_nits(coded: _Values) -> _Values:
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = coded ** (1 / m2)
    return np.asarray(10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1))


def _hlg_nits(coded: _Values) -> _Values:
    """On a screen of 1000 nits (system gamma 1.2)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(coded <= 0.5, coded**2 / 3, (np.exp((coded - c) / a) + b) / 12)
    return np.asarray(1000 * scene**1.2)
