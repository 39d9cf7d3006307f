"""What a session shows of a device or the model holds only while it delivers."""

from __future__ import annotations

import threading
from collections.abc import Callable

from emolive.session.status import StatusRegistry
from emolive.session.stream import WATCH_S, Stream
from emolive.supervision import Supervised
from emolive.types import Status

PICTURE_LEASE_S = 2.0
"""After so long without a frame of a camera or stream its video counts as lost."""
SOUND_LEASE_S = 1.0
ANSWER_LEASE_S = 4.0
"""After so long without a window the model counts as stalled."""
_SHOWN_S = 5 * WATCH_S

NO_PICTURE = "No picture comes from the camera any more."
NO_SOUND = "No sound comes from the microphone any more."
NO_ANSWER = "The model has not answered for some seconds."
UNKNOWN = "Not measured at present."


class LeaseWatch(threading.Thread):
    """Looks, several times a second, whether the parts of the present stream still deliver.

    Each part reports its own faults; this notices those that cannot: a thread that is blocked in a driver.

    Args:
        statuses: of the session.
        stream: returns the present stream.
        is_answering: whether there is a model, which should answer.
    """

    def __init__(
        self,
        statuses: StatusRegistry,
        stream: Callable[[], Stream | None],
        is_answering: Callable[[], bool],
    ) -> None:
        super().__init__(name="emolive-watch", daemon=True)
        self._statuses, self._stream, self._is_answering = statuses, stream, is_answering
        self._closed = threading.Event()

    def run(self) -> None:
        Supervised(self.name, self._work, self._closed).run()

    def close(self, timeout_s: float) -> bool:
        """End the thread; False if it did not end in time."""
        self._closed.set()
        if self.ident is not None and threading.current_thread() is not self:
            self.join(timeout_s)
        return not self.is_alive()

    def _work(self) -> None:
        while not self._closed.wait(WATCH_S):
            stream = self._stream()
            if stream is not None and stream.started.is_set() and not stream.cancelled.is_set():
                self.check(stream)

    def check(self, stream: Stream) -> None:
        """Look at a stream once."""
        for_model = stream.inference_watch.tick()
        if not self._is_answering() or not stream.realtime or stream.finished.is_set():
            stream.inference_watch.reset()
        elif for_model > ANSWER_LEASE_S:
            self._statuses.put_passing(Status("model", "warning", "stalled", NO_ANSWER), _SHOWN_S)
            for part in ("face", "voice"):
                # In the place of what was measured last, whatever that was.
                stream.statuses.put(Status(part, "info", "unknown", UNKNOWN))
        stream.video_lost = self._is_lost(
            stream,
            "camera",
            stream.video_info is not None and stream.video_info.live and stream.has_video,
            stream.frame_watch.tick() > PICTURE_LEASE_S,
            NO_PICTURE,
        )
        stream.audio_lost = self._is_lost(
            stream,
            "microphone",
            stream.audio_info is not None and stream.audio_info.live,
            stream.audio_watch.tick() > SOUND_LEASE_S,
            NO_SOUND,
        )

    @staticmethod
    def _is_lost(stream: Stream, source: str, is_device: bool, is_quiet: bool, text: str) -> bool:
        if not is_device or not is_quiet or stream.ended.is_set():
            return False
        stream.statuses.put_passing(Status(source, "warning", "stalled", text), _SHOWN_S)
        return True
