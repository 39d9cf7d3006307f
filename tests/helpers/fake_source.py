"""A device that delivers one picture or one block of sound when it is started."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from emolive.capture.base import Listener, SourceInfo
from emolive.capture.source_spec import SourceSpec
from emolive.clock import now_ns
from emolive.gui.device_names import DeviceKind
from emolive.types import AudioBlock, Frame

LEVEL_DBFS = -12.0


class FakeSource:
    """Implements `emolive.capture.base.Source`. `opened` and `released` record the values, in order."""

    opened: ClassVar[list[str]] = []
    released: ClassVar[list[str]] = []

    def __init__(self, kind: DeviceKind, value: str) -> None:
        self._kind, self._value = kind, value
        self.opened.append(value)

    @classmethod
    def from_spec(cls, spec: SourceSpec, *, paced: bool, loop: bool) -> FakeSource:
        del paced, loop
        return cls("camera", spec.value)

    @property
    def info(self) -> SourceInfo:
        return SourceInfo(self._value, self._kind == "camera", self._kind == "microphone", live=True)

    def start(self, listener: Listener, start_ns: int | None = None) -> None:
        if self._kind == "camera":
            listener.on_frame(Frame(now_ns(), np.full((48, 64, 3), 128, np.uint8), 0))
        else:
            power = np.float32(10 ** (LEVEL_DBFS / 20))
            samples = np.tile(np.array([power, -power], np.float32), 400)
            listener.on_audio(AudioBlock(now_ns(), samples, 16_000))

    def stop(self, timeout_s: float = 2.0) -> bool:
        self.released.append(self._value)
        return True
