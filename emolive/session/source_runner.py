"""A take with the sources and threads that make it: opened as a whole, ended as a whole."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from emolive.capture.base import Source
from emolive.capture.factory import create_microphone, create_source
from emolive.clock import now_ns, to_s
from emolive.errors import EmoliveError
from emolive.session.pipeline import LivePipeline
from emolive.session.stream import StreamBuffers
from emolive.session.workers import InferenceWorker, PerceptionWorker, RealtimeListener, SynchronousListener
from emolive.types import Counters, Estimate, Status

log = logging.getLogger(__name__)


class SourceRunner:
    """Opens what was named; `start` and `stop` once each.

    Args:
        source, mic: as in `SessionConfig`.
        paced: False reads a file or the demo as fast as it can be processed, in the source's thread.
        loop: play a file again when it ends.

    Raises:
        EmoliveError: there is no such source or microphone, or neither was asked for.
    """

    def __init__(
        self,
        source: str,
        mic: str,
        *,
        paced: bool,
        loop: bool,
        engine: LivePipeline,
        publish: Callable[[Estimate], None],
        on_status: Callable[[Status], None],
    ) -> None:
        self._on_status = on_status
        self.before = Counters()
        """Counted in earlier runs of the session."""
        self.no_sound = "There is no sound: the face goes on alone."
        picture = create_source(source, paced=paced, loop=loop)
        own_sound = mic == "auto" and picture is not None and picture.info.has_audio
        sound = None if own_sound else self._open_mic(mic, picture)
        if picture is None and sound is None:
            raise EmoliveError("There is neither a picture nor a sound: choose a source or a microphone.")
        mic_info = picture.info if picture is not None and own_sound else sound.info if sound else None
        self.take = StreamBuffers(picture.info if picture else None, mic_info, source)
        self.paced = paced or picture is None or picture.info.live or sound is not None
        if picture is not None and self.paced and not paced:
            # A file beside a microphone keeps to the clock that both share.
            picture = create_source(source, paced=True, loop=loop)
        self._sources: list[tuple[Source, RealtimeListener]] = []
        self._workers: tuple[PerceptionWorker, InferenceWorker] | None = None
        self._started = False
        if self.paced:
            perception = PerceptionWorker(engine, self.take, self._on_fault)
            inference = InferenceWorker(engine, self.take, perception, publish, self._on_fault)
            self._workers = (perception, inference)
        if picture is not None:
            listener = (
                RealtimeListener(self.take, on_status, audio=own_sound)
                if self.paced
                else SynchronousListener(
                    self.take, on_status, engine, publish, self._on_fault, audio=own_sound
                )
            )
            self._sources.append((picture, listener))
        if sound is not None:
            self._sources.append((sound, RealtimeListener(self.take, on_status, video=False)))

    def start(self) -> None:
        """Let the sources deliver and the workers work; the clock of the take begins now."""
        self._started = True
        self.take.origin_ns = now_ns()
        for source, listener in self._sources:
            try:
                source.start(listener, self.take.origin_ns)
            except EmoliveError as error:
                chip = "camera" if source.info.has_video else "microphone"
                self._on_status(Status(chip, "error", "missing", str(error)))
        for worker in self._workers or ():
            worker.start()

    def stop(self, deadline_ns: int) -> bool:
        """End everything; False if a thread did not end by `deadline_ns` (it is a daemon)."""
        for _, listener in self._sources:
            listener.closed = True
        self.take.close()
        if not self._started:
            return True
        stops = [
            threading.Thread(target=source.stop, args=(_left_s(deadline_ns),), daemon=True)
            for source, _ in self._sources
        ]
        # All at once: one device that hangs must not use up the others' time.
        threads: list[threading.Thread] = [*stops, *(self._workers or ())]
        for stop in stops:
            stop.start()
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(_left_s(deadline_ns))
        return not any(t.is_alive() for t in threads if t is not threading.current_thread())

    @property
    def finished(self) -> bool:
        """A file was delivered to its end, and everything of it was read."""
        if not self.take.ended.is_set():
            return False
        return self._workers is None or not self._workers[1].is_alive()

    @property
    def skipped(self) -> int:
        return self._workers[1].skipped if self._workers else 0

    @property
    def counters(self) -> Counters:
        """Of this run and those before it; estimates are the engine's to count."""
        take = self.take
        return Counters(
            self.before.frames_captured + take.frames,
            self.before.frames_perceived + take.perceived,
            self.before.frames_dropped + take.latest_frame.dropped,
            estimates_skipped=self.before.estimates_skipped + self.skipped,
        )

    def _open_mic(self, mic: str, picture: Source | None) -> Source | None:
        if mic != "auto":
            return create_microphone(mic)
        if picture is None or not picture.info.live:
            return None
        try:
            return create_microphone("default")
        except EmoliveError as error:
            # Nobody asked for it by name, so a computer without one is no fault.
            self.no_sound = f"{str(error).rstrip('.')}; the face goes on alone."
            return None

    def _on_fault(self, source: str, error: Exception) -> None:
        log.error("%s failed", source, exc_info=error)
        self._on_status(Status(source, "error", "failed", f"This part failed and goes on: {error}."))


def _left_s(deadline_ns: int) -> float:
    return max(0.05, to_s(deadline_ns - now_ns()))
