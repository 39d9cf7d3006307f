"""The virtual camera of the benchmarks with faults on request; its frames are numbered."""

from __future__ import annotations

import threading
from collections.abc import Callable

from benchmarks.virtual_camera import VirtualCamera
from emolive._compat.opencv import cv2
from emolive.types import Image
from tests.helpers.numbered_images import numbered_image


class FaultyCamera(VirtualCamera):
    """Serves `image_of(number)` at `rate_hz` on `url`, inside `with` or between `start` and `stop`."""

    def __init__(self, image_of: Callable[[int], Image] = numbered_image, rate_hz: float = 30) -> None:
        super().__init__(self._next, rate_hz)
        self._image_of = image_of
        self._sending = threading.Event()
        self._sending.set()
        self._held = False
        self._number = 0

    def cut(self) -> None:
        """Close the connection, also while frozen."""
        self.ended.set()
        self._sending.set()
        super().stop()

    stop = cut

    def freeze(self) -> None:
        """Stay connected without sending anything."""
        self._sending.clear()

    def thaw(self) -> None:
        """Send again."""
        self._sending.set()

    def hold(self, held: bool = True) -> None:
        """Repeat the same frame, or continue."""
        self._held = held

    def _next(self) -> bytes:
        self._sending.wait()
        if self.ended.is_set():
            raise BrokenPipeError
        if not self._held:
            self._number += 1
        return cv2.imencode(".jpg", self._image_of(self._number))[1].tobytes()
