"""The drawn demo as a source of pictures and sound."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from emolive.capture.base import Listener, SourceInfo
from emolive.capture.synthetic.expression import blend
from emolive.capture.synthetic.face import FaceRenderer
from emolive.capture.synthetic.motion import IdleMotion, speak
from emolive.capture.synthetic.schedule import PASS_S, mix_at
from emolive.capture.synthetic.voice import BLOCK, RATE_HZ, Voice
from emolive.clock import NS_PER_S, now_ns, to_ns, to_s
from emolive.errors import EmoliveError
from emolive.types import AudioBlock, Frame, Image, Status

FPS = 30
_LATE_NS = NS_PER_S // 20


class SyntheticScene:
    """The face and its voice at any time, without a thread: what `SyntheticSource` plays."""

    def __init__(self, seed: int = 0) -> None:
        self._artist = FaceRenderer(seed)
        self._motion = IdleMotion(seed)

    def picture(self, t_s: float, opening: float = 0.0, pucker: float = 0.0) -> Image:
        """(480, 640, 3) BGR at `t_s`, with the mouth as the voice has it."""
        units = speak(blend(mix_at(t_s)), opening, pucker, self._motion.blink(t_s))
        return self._artist.draw(units, self._motion.pose(t_s))


class SyntheticSource:
    """A drawn face and a made voice that play the eight emotions in turn; no file is needed.

    Paced, it delivers frames (30 a second) and sound (48,000 Hz, blocks of 20 ms) as a camera and a
    microphone would, nothing before its time, and leaves frames out when the machine is too slow.
    Unpaced, it is as fast as the listener takes it, and leaves nothing out. `duration_s` ends either;
    without it, a paced demo that loops is endless and every other plays one pass.
    """

    def __init__(
        self, paced: bool = True, loop: bool = True, seed: int = 0, duration_s: float | None = None
    ) -> None:
        if duration_s is not None and duration_s <= 0:
            raise EmoliveError("The demo's duration must be more than 0 seconds.")
        self._paced = paced
        self._seed = seed
        self._duration_s = PASS_S if duration_s is None and not (paced and loop) else duration_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def info(self) -> SourceInfo:
        return SourceInfo(
            "Drawn demo", True, True, live=False, is_synthetic=True, duration_s=self._duration_s
        )

    def start(self, listener: Listener, start_ns: int | None = None) -> None:
        """Begin from the first second; EmoliveError if it already plays."""
        if self._thread is not None and self._thread.is_alive():
            raise EmoliveError("The drawn demo is already playing.")
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(listener, self._stop, start_ns), name="emolive-demo", daemon=True
        )
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Stop delivering; False if the thread did not end in time."""
        self._stop.set()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self, listener: Listener, stop: threading.Event, start_ns: int | None) -> None:
        scene, voice = SyntheticScene(self._seed), Voice(self._seed)
        listener.on_status(Status("camera", "ok", "live", "The drawn demo plays."))
        t0_ns = now_ns() if start_ns is None else start_ns
        opening = pucker = 0.0
        for t_ns, frame in self._times():
            # Sound is complete only when its last sample is.
            due_ns = t0_ns + t_ns + (0 if frame is not None else BLOCK * NS_PER_S // RATE_HZ)
            wait_ns = due_ns - now_ns()
            if stop.is_set() or (self._paced and wait_ns > 0 and stop.wait(to_s(wait_ns))):
                return
            if frame is None:
                block = voice.next_block()
                opening, pucker = block.opening, block.pucker
                listener.on_audio(AudioBlock(t0_ns + t_ns, block.samples, RATE_HZ))
            elif not (self._paced and wait_ns < -_LATE_NS):
                listener.on_frame(Frame(t0_ns + t_ns, scene.picture(to_s(t_ns), opening, pucker), frame))
        listener.on_end()

    def _times(self) -> Iterator[tuple[int, int | None]]:
        """(media time in ns, index of the frame or None for sound) in time order."""
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
