"""What a session shows of a device or the model holds only while it delivers."""

from __future__ import annotations

import threading
from collections.abc import Callable

from emolive.capture.base import SourceInfo
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
        unanswered_s = stream.inference_watch.tick()
        if not self._is_answering() or not stream.realtime or stream.finished.is_set():
            stream.inference_watch.reset()
        is_stalled = unanswered_s > ANSWER_LEASE_S
        _show(self._statuses, "model", NO_ANSWER if is_stalled else "")
        if is_stalled:
            # In the place of what was measured last, whatever that was.
            stream.statuses.put(*(Status(part, "info", "unknown", UNKNOWN) for part in ("face", "voice")))
        if not stream.ended.is_set():
            no_frame = stream.frame_watch.tick() > PICTURE_LEASE_S
            stream.video_lost = no_frame and stream.has_video and _is_live(stream.video_info)
            no_sound = stream.audio_watch.tick() > SOUND_LEASE_S
            stream.audio_lost = no_sound and _is_live(stream.audio_info)
        # Before the first frame or block it is the device's own status that says so.
        _show(stream.statuses, "camera", NO_PICTURE if stream.video_lost and stream.frame_arrived_ns else "")
        _show(
            stream.statuses, "microphone", NO_SOUND if stream.audio_lost and stream.audio_arrived_ns else ""
        )


def _show(statuses: StatusRegistry, source: str, text: str) -> None:
    """Show that a source is stalled, or with "" no longer."""
    if text:
        statuses.put_passing(Status(source, "warning", "stalled", text), _SHOWN_S)
    else:
        statuses.end_passing(source, "stalled")


def _is_live(info: SourceInfo | None) -> bool:
    return info is not None and info.live
