"""A source in one file: a moving gradient and a tone.

    emolive run --plugin examples/plugin_source.py --source gradient:5

The text behind the colon is the number of seconds after which the source ends.
"""

from __future__ import annotations

import numpy as np

from emolive.capture.base import Listener, SourceInfo, ThreadedSource
from emolive.capture.source_spec import SourceSpec
from emolive.clock import NS_PER_S
from emolive.errors import ConfigError
from emolive.plugins import SOURCES
from emolive.types import AudioBlock, Frame

FPS = 25
RATE_HZ = 16_000
WIDTH, HEIGHT = 320, 240


@SOURCES.register("gradient", title="moving gradient")
class GradientSource(ThreadedSource):
    """Plays a gradient that moves to the left, and a tone of 440 Hz.

    Args:
        seconds: how long it plays; 0 is without end.
        paced: keep to the clock.
    """

    def __init__(self, seconds: float, paced: bool = True) -> None:
        super().__init__(
            SourceInfo(
                "Gradient",
                has_video=True,
                has_audio=True,
                live=False,
                is_synthetic=True,
                duration_s=seconds or None,
            )
        )
        self._seconds, self._paced = seconds, paced

    @classmethod
    def from_spec(cls, spec: SourceSpec, *, paced: bool, loop: bool) -> GradientSource:
        """`spec.value` is the text after the colon."""
        try:
            return cls(float(spec.value or 0), paced)
        except ValueError:
            raise ConfigError(
                f"gradient:{spec.value} names no number of seconds: write gradient:5."
            ) from None

    def _run(self, listener: Listener, start_ns: int) -> None:
        self._report("ok", "live", "The gradient plays.")
        ramp = np.tile(np.linspace(0, 255, WIDTH, dtype=np.uint8)[:, None], (HEIGHT, 1, 3))
        samples_per_frame = RATE_HZ // FPS
        index = 0
        while not self._seconds or index < self._seconds * FPS:
            t_ns = start_ns + index * NS_PER_S // FPS
            if not self._wait_until(t_ns if self._paced else 0):
                return
            times_s = (np.arange(samples_per_frame) + index * samples_per_frame) / RATE_HZ
            listener.on_frame(Frame(t_ns, np.roll(ramp, -4 * index, axis=1), index))
            listener.on_audio(
                AudioBlock(t_ns, np.float32(0.1) * np.sin(2764.6 * times_s).astype(np.float32), RATE_HZ)
            )
            index += 1
        listener.on_end()
