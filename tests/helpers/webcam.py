"""The loopback webcam of the bench, which here can also be frozen and held, and shows numbers."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from benchmarks import virtual_camera as webcam
from emolive._compat.opencv import cv2
from emolive.types import Image


def numbered(number: int, width: int = 320, height: int = 240) -> Image:
    """A picture that carries its number (mod 256) as eight black or white columns."""
    image = np.full((height, width, 3), 128, np.uint8)
    for bit in range(8):
        image[:, bit * width // 8 : (bit + 1) * width // 8] = 255 if number >> bit & 1 else 0
    return image


def number_of(image: Image) -> int:
    """The number (0..255) that a picture made by `numbered` carries, whatever its size."""
    width = image.shape[1]
    middles = [image[:, (2 * bit + 1) * width // 16].mean() > 128 for bit in range(8)]
    return sum(bright << bit for bit, bright in enumerate(middles))


class VirtualCamera(webcam.VirtualCamera):
    """Serves `picture(number)` at `rate_hz` on `url`, with `with` or between `start` and `stop`."""

    def __init__(self, picture: Callable[[int], Image] = numbered, rate_hz: float = 30) -> None:
        super().__init__(self._next, rate_hz)
        self._picture = picture
        self._moving = threading.Event()
        self._moving.set()
        self._held = False
        self._number = 0

    def cut(self) -> None:
        """Pull the plug, also of one that is frozen."""
        self.ended.set()
        self._moving.set()
        super().stop()

    stop = cut

    def freeze(self) -> None:
        """Stay connected, but send nothing."""
        self._moving.clear()

    def thaw(self) -> None:
        self._moving.set()

    def hold(self, held: bool = True) -> None:
        """Send the same picture again and again, or go on."""
        self._held = held

    def _next(self) -> bytes:
        self._moving.wait()
        if self.ended.is_set():
            raise BrokenPipeError
        if not self._held:
            self._number += 1
        return cv2.imencode(".jpg", self._picture(self._number))[1].tobytes()
