"""Plays the sound of a file through the loudspeakers, in step with its picture."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.capture import portaudio
from emolive.clock import NS_PER_S, now_ns
from emolive.errors import EmoliveError
from emolive.playback.clock import PlaybackClock
from emolive.types import AudioBlock, FloatArray

RESYNC_S = 0.04
"""Sound further than this from the picture jumps to it; less cannot be noticed (ITU-R BT.1359: 45 ms)."""
KEEP_S = 0.5
"""Sound that was played is kept this long, for a clock that is corrected backwards."""


class Speaker:
    """Takes blocks by their time in the file and plays each when the clock is there.

    Args:
        clock: the position of the picture.
        open_output: opens an output for a rate and a callback; replaced in tests.
    """

    def __init__(
        self,
        clock: PlaybackClock,
        open_output: Callable[[int, Callable[..., None]], Any] = portaudio.open_output,
    ) -> None:
        self._clock = clock
        self._open_output = open_output
        self._lock = threading.Lock()
        self._blocks: deque[tuple[int, FloatArray]] = deque()
        """Position of the first sample, and the samples."""
        self._rate_hz = 0
        self._next = 0
        """Position of the sample that is played next."""
        self._stream: Any = None
        self.muted = False
        self.problem = ""
        """Why nothing is heard."""

    def put(self, block: AudioBlock) -> None:
        """Add a block; the first one opens the device. A device that cannot be opened is not tried again."""
        if not self._rate_hz:
            self._rate_hz = block.rate_hz
            try:
                self._stream = self._open_output(block.rate_hz, self._callback)
            except EmoliveError as error:
                self.problem = str(error)
        if self._stream is not None:
            with self._lock:
                self._blocks.append((round(block.t_ns * self._rate_hz / NS_PER_S), block.samples))

    def clear(self) -> None:
        """Forget what waits, as the position has changed."""
        with self._lock:
            self._blocks.clear()

    def close(self) -> None:
        """Close the device."""
        stream, self._stream = self._stream, None
        if stream is not None:
            portaudio.close_input(stream)

    def read(self, position_ns: int, n: int) -> FloatArray:
        """The next `n` samples, where the last call ended unless that is too far from `position_ns`."""
        with self._lock:
            due = round(position_ns * self._rate_hz / NS_PER_S)
            if abs(due - self._next) > RESYNC_S * self._rate_hz:
                self._next = due
            first, self._next = self._next, self._next + n
            samples = np.zeros(n, np.float32)
            while self._blocks and _end(self._blocks[0]) < first - KEEP_S * self._rate_hz:
                self._blocks.popleft()
            for start, block in self._blocks:
                low, high = max(start, first), min(start + len(block), first + n)
                if low < high:
                    samples[low - first : high - first] = block[low - start : high - start]
            return samples

    def _callback(self, out: NDArray[np.float32], frames: int, times: Any, _flags: Any) -> None:
        if self.muted or not self._clock.running:
            out[:] = 0
            return
        delay_s = times.outputBufferDacTime - times.currentTime
        delay_s = delay_s if 0 <= delay_s < 1 else 0.0
        out[:, 0] = self.read(self._clock.position_ns(now_ns() + round(delay_s * NS_PER_S)), frames)


def _end(block: tuple[int, FloatArray]) -> int:
    return block[0] + len(block[1])
