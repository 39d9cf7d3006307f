"""A camera with a microphone that does what a test says, in place of devices of a live session."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from emolive.capture.base import Listener, SourceInfo, ThreadedSource
from emolive.capture.synthetic.source import SyntheticScene
from emolive.capture.synthetic.voice import BLOCK, RATE_HZ, Voice
from emolive.clock import NS_PER_S
from emolive.types import AudioBlock, FloatArray, Frame, Image, Status

FPS = 10
_BLOCK_NS = BLOCK * NS_PER_S // RATE_HZ


@lru_cache(maxsize=1)
def pictures() -> tuple[Image, ...]:
    """A few pictures of the drawn face, which cost nothing when they are delivered."""
    scene = SyntheticScene(0)
    return tuple(scene.picture(i / FPS) for i in range(4))


@lru_cache(maxsize=1)
def sounds() -> tuple[FloatArray, ...]:
    """Two seconds of the demo's voice, in blocks."""
    voice = Voice(0)
    return tuple(voice.next_block().samples for _ in range(2 * RATE_HZ // BLOCK))


class Puppet(ThreadedSource):
    """Delivers in real time; events stop one stream, functions change what is delivered."""

    def __init__(self) -> None:
        super().__init__(SourceInfo("Puppet", has_video=True, has_audio=True, live=True))
        self.no_video, self.no_audio = threading.Event(), threading.Event()
        self.change_samples: Callable[[FloatArray], FloatArray] = np.asarray
        self.change_image: Callable[[Image], Image] = np.asarray

    def _run(self, listener: Listener, start_ns: int) -> None:
        for part in ("camera", "microphone"):
            listener.on_status(Status(part, "ok", "live", "The puppet plays."))
        index = block = 0
        while True:
            frame_ns, block_ns = start_ns + index * NS_PER_S // FPS, start_ns + block * _BLOCK_NS
            if frame_ns <= block_ns:
                if not self._wait_until(frame_ns):
                    return
                if not self.no_video.is_set():
                    image = self.change_image(pictures()[index % 4])
                    listener.on_frame(Frame(frame_ns, image, index))
                index += 1
            else:
                if not self._wait_until(block_ns + _BLOCK_NS):
                    return
                if not self.no_audio.is_set():
                    samples = self.change_samples(sounds()[block % len(sounds())].copy())
                    listener.on_audio(AudioBlock(block_ns, samples, RATE_HZ))
                block += 1
