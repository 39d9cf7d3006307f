"""The threads that turn what sources deliver into estimates."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from emolive.clock import now_ns, to_ns, to_s
from emolive.session.pipeline import LivePipeline
from emolive.session.stream import StreamBuffers
from emolive.types import AudioBlock, Estimate, Frame, Status

log = logging.getLogger(__name__)

GRACE_S = 0.15
"""How long past a window's end inference waits for evidence that is on its way."""
POLL_S = 0.004
_WAIT_S = 0.1


class PerceptionWorker(threading.Thread):
    """Takes the newest frame, again and again, and lets the engine see it."""

    def __init__(
        self, engine: LivePipeline, take: StreamBuffers, on_fault: Callable[[str, Exception], None]
    ) -> None:
        super().__init__(name="emolive-perception", daemon=True)
        self._engine, self._take, self._on_fault = engine, take, on_fault
        self.seen_ns: int | None = None
        """Stamp of the newest frame that perception is done with."""

    def run(self) -> None:
        while not self._take.over.is_set():
            frame = self._take.latest_frame.get(_WAIT_S)
            if frame is None:
                continue
            try:
                self._engine.see(self._take, frame)
            except Exception as error:  # noqa: BLE001 (one bad frame must not end the show)
                self._on_fault("face", error)
            self.seen_ns = frame.t_ns


class InferenceWorker(threading.Thread):
    """Makes an estimate at every bin's end, from evidence that ends there. Late ones are skipped."""

    def __init__(
        self,
        engine: LivePipeline,
        take: StreamBuffers,
        perception: PerceptionWorker,
        publish: Callable[[Estimate], None],
        on_fault: Callable[[str, Exception], None],
    ) -> None:
        super().__init__(name="emolive-inference", daemon=True)
        self._engine, self._take, self._perception = engine, take, perception
        self._publish, self._on_fault = publish, on_fault
        self.skipped = 0

    def run(self) -> None:
        hop = 0
        while not self._take.over.is_set():
            active_model = self._engine.active_model
            if active_model is None:
                self._take.over.wait(_WAIT_S)
                continue
            bin_ns = to_ns(active_model.predictor.spec.bin_s)
            hop += 1
            newest = int((now_ns() - self._take.origin_ns) // bin_ns)
            if newest > hop + 1:
                self.skipped += newest - hop if self._engine.estimates else 0
                hop = newest
            end_ns = self._take.origin_ns + hop * bin_ns
            if not self._wait_for(end_ns):
                break
            try:
                estimate = self._engine.estimate(self._take, end_ns)
            except Exception as error:  # noqa: BLE001 (shown as a chip; the next window is tried)
                self._on_fault("model", error)
                continue
            if estimate is not None and not self._take.over.is_set():
                self._publish(estimate)
        if not self._take.over.is_set():
            self._engine.end()

    def _wait_for(self, end_ns: int) -> bool:
        """Until all evidence of the window is there, or is given up; False if the take is over."""
        take = self._take
        if take.over.wait(max(0.0, to_s(end_ns - now_ns()))):
            return False
        while not (self._complete(end_ns) or now_ns() > end_ns + to_ns(GRACE_S)):
            if take.over.wait(POLL_S):
                return False
        return not (take.ended.is_set() and self._past_the_end(end_ns))

    def _complete(self, end_ns: int) -> bool:
        take, seen_ns = self._take, self._perception.seen_ns
        if take.ended.is_set():
            # Nothing more comes, but perception may still be at the last frame.
            return take.frame is None or seen_ns == take.frame.t_ns
        sound = take.sound
        heard = sound is None or (newest := sound.newest_ns) is None or newest >= end_ns
        # Frames come in order: one from past the end says that all before it were seen.
        seen = not take.has_video or (seen_ns is not None and seen_ns >= end_ns)
        return heard and seen

    def _past_the_end(self, end_ns: int) -> bool:
        take = self._take
        sound_ns = None if take.sound is None else take.sound.newest_ns
        return end_ns > max(sound_ns or 0, 0 if take.frame is None else take.frame.t_ns)


class RealtimeListener:
    """Delivers a source to a take whose workers run on their own: never waits."""

    def __init__(
        self,
        take: StreamBuffers,
        on_status: Callable[[Status], None],
        *,
        video: bool = True,
        audio: bool = True,
    ) -> None:
        self._take, self._status = take, on_status
        self._video, self._audio = video, audio
        self.closed = False

    def on_frame(self, frame: Frame) -> None:
        if self._video and not self.closed:
            self._take.add_frame(frame)
            self._take.latest_frame.put(frame)

    def on_audio(self, block: AudioBlock) -> None:
        if self._audio and not self.closed:
            self._take.add_sound(block)

    def on_status(self, status: Status) -> None:
        wanted = {"camera": self._video, "microphone": self._audio}.get(status.source, True)
        if wanted and not self.closed:
            self._status(status)

    def on_end(self) -> None:
        if not self.closed:
            self._take.ended.set()


class SynchronousListener(RealtimeListener):
    """Delivers an unpaced source and does all the work in its thread, so that nothing is dropped.

    A source delivers in order of time: once something past a window's end arrives, that window's
    evidence is complete.
    """

    def __init__(
        self,
        take: StreamBuffers,
        on_status: Callable[[Status], None],
        engine: LivePipeline,
        publish: Callable[[Estimate], None],
        on_fault: Callable[[str, Exception], None],
        *,
        audio: bool = True,
    ) -> None:
        super().__init__(take, on_status, audio=audio)
        self._engine, self._publish, self._on_fault = engine, publish, on_fault
        self._hop = 1
        self._newest_ns = take.origin_ns

    def on_frame(self, frame: Frame) -> None:
        if self.closed:
            return
        self._advance(frame.t_ns)
        self._take.add_frame(frame)
        try:
            self._engine.see(self._take, frame)
        except Exception as error:  # noqa: BLE001 (one bad frame must not end the file)
            self._on_fault("face", error)
        self._newest_ns = max(self._newest_ns, frame.t_ns)

    def on_audio(self, block: AudioBlock) -> None:
        if self.closed or not self._audio:
            return
        self._advance(block.t_ns)
        self._take.add_sound(block)
        self._newest_ns = max(self._newest_ns, block.t_ns + to_ns(len(block.samples) / block.rate_hz))

    def on_end(self) -> None:
        if not self.closed:
            self._advance(self._newest_ns + 1)
        super().on_end()

    def _advance(self, t_ns: int) -> None:
        active_model = self._engine.active_model
        if active_model is None:
            return
        bin_ns = to_ns(active_model.predictor.spec.bin_s)
        while not self.closed and self._take.origin_ns + self._hop * bin_ns < t_ns:
            end_ns = self._take.origin_ns + self._hop * bin_ns
            self._hop += 1
            try:
                estimate = self._engine.estimate(self._take, end_ns)
            except Exception as error:  # noqa: BLE001 (shown as a chip; the next window is tried)
                self._on_fault("model", error)
                continue
            if estimate is not None:
                self._publish(estimate)
