"""The drawn demo as a source of video and audio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from emolive.capture.base import Listener, SourceInfo, ThreadedSource
from emolive.capture.source_spec import SourceSpec
from emolive.capture.synthetic.emotion_timeline import PASS_S, mix_at
from emolive.capture.synthetic.expression import MUSCLE_SHARE, blend, motion_at
from emolive.capture.synthetic.face import FaceRenderer
from emolive.capture.synthetic.motion import IdleMotion, apply_speech
from emolive.capture.synthetic.voice import BLOCK, RATE_HZ, Voice
from emolive.clock import NS_PER_S, now_ns, to_ns, to_s
from emolive.errors import ConfigError
from emolive.types import AudioBlock, Frame, Image

FPS = 30
_LATE_NS = NS_PER_S // 20


class SyntheticScene:
    """Renders the face at any time, without a thread.

    Args:
        seed: of the face's details and its idle motion.
    """

    def __init__(self, seed: int = 0) -> None:
        self._renderer = FaceRenderer(seed)
        self._motion = IdleMotion(seed)

    def picture(self, t_s: float, opening: float = 0.0, pucker: float = 0.0) -> Image:
        """The image (480, 640, 3) BGR at `t_s` seconds, with the mouth as the voice sets it (each 0..1)."""
        weights = mix_at(t_s)
        muscles = blend(weights)
        units = apply_speech(muscles.scaled(MUSCLE_SHARE), opening, pucker, self._motion.blink(t_s))
        return self._renderer.draw(units, self._motion.pose(t_s), motion_at(weights, t_s), muscles)


class SyntheticSource(ThreadedSource):
    """A drawn face and a synthesised voice that play the eight emotions in turn; needs no file and no device.

    Paced, it delivers frames (30 a second) and audio (48,000 Hz, blocks of 20 ms) as a camera and a
    microphone do, nothing before its time, and drops frames if the computer is too slow. Otherwise it
    delivers everything as fast as the listener accepts.

    Args:
        paced: keep to the clock.
        loop: repeat without end; has an effect only if paced.
        seed: of face, motion and voice.
        duration_s: seconds after which it ends; by default never if it is paced and loops, else after one
            pass.

    Raises:
        ConfigError: the duration is not positive.
    """

    def __init__(
        self, paced: bool = True, loop: bool = True, seed: int = 0, duration_s: float | None = None
    ) -> None:
        if duration_s is not None and duration_s <= 0:
            raise ConfigError("The demo's duration must be more than 0 seconds.")
        self._paced = paced
        self._seed = seed
        self._duration_s = PASS_S if duration_s is None and not (paced and loop) else duration_s
        super().__init__(
            SourceInfo("Drawn demo", True, True, live=False, is_synthetic=True, duration_s=self._duration_s)
        )

    @classmethod
    def from_spec(cls, spec: SourceSpec, *, paced: bool, loop: bool) -> Self:
        del spec, loop
        return cls(paced)

    def _can_restart(self) -> bool:
        # What is read faster than real time is expected to be the same each time.
        return self._paced

    def _run(self, listener: Listener, start_ns: int) -> None:
        scene, voice = SyntheticScene(self._seed), Voice(self._seed)
        self._report("ok", "live", "The drawn demo plays.")
        opening = pucker = 0.0
        # However slow the computer is, a frame a second is delivered, as of a file.
        delivered_ns = -NS_PER_S
        for media_ns, index in self._schedule():
            t_ns = start_ns + media_ns
            # An audio block is complete when its last sample is.
            due_ns = t_ns + (0 if index is not None else BLOCK * NS_PER_S // RATE_HZ)
            late = self._paced and now_ns() - due_ns > _LATE_NS and media_ns - delivered_ns < NS_PER_S
            if not self._wait_until(due_ns if self._paced else 0):
                return
            if index is None:
                block = voice.next_block()
                opening, pucker = block.opening, block.pucker
                listener.on_audio(AudioBlock(t_ns, block.samples, RATE_HZ))
            elif not late:
                delivered_ns = media_ns
                listener.on_frame(Frame(t_ns, scene.picture(to_s(media_ns), opening, pucker), index))
        listener.on_end()

    def _schedule(self) -> Iterator[tuple[int, int | None]]:
        """(media time in ns, index of the frame or None for an audio block) in time order."""
        end_ns = None if self._duration_s is None else to_ns(self._duration_s)
        frame = block = 0
        while True:
            frame_ns, block_ns = frame * NS_PER_S // FPS, block * BLOCK * NS_PER_S // RATE_HZ
            t_ns = min(frame_ns, block_ns)
            if end_ns is not None and t_ns >= end_ns:
                return
            if frame_ns <= block_ns:
                yield frame_ns, frame
                frame += 1
            else:
                yield block_ns, None
                block += 1
