"""The inference thread: at the end of each bin a window becomes an estimate."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from emolive.clock import now_ns, seconds_until, to_ns, to_s
from emolive.faults import is_out_of_memory, log_fault, one_line
from emolive.session.pipeline import LivePipeline
from emolive.session.request_queue import Request, RequestQueue
from emolive.session.status import StatusRegistry
from emolive.session.stream import READ_AHEAD_S, Stream
from emolive.supervision import Supervised
from emolive.types import Estimate, Status

log = logging.getLogger(__name__)

T = TypeVar("T")

LATE_TOLERANCE_S = 0.15
"""How long past a window's end inference waits for input that is still on its way."""
_POLL_S = 0.004
_WAIT_S = 0.1
_FOREVER_NS = 2**62
_DISK_FAULT_S = 10.0


class InferenceWorker(threading.Thread):
    """Owns the pipeline: model, person, profile and smoothing. Others `post` their requests to it.

    Args:
        baseline: none, neutral or running.
        person: the name under which the neutral baseline is saved.
        statuses: of the session.
        on_estimate: called in this thread with each estimate; returns at once, or in a stream that is not in
            real time when the estimate was taken.
        on_out_of_memory: called in this thread when the compute device has no memory left.
    """

    def __init__(
        self,
        baseline: str,
        person: str,
        statuses: StatusRegistry,
        on_estimate: Callable[[Estimate, Stream], None],
        on_out_of_memory: Callable[[], None],
    ) -> None:
        super().__init__(name="emolive-inference", daemon=True)
        self.pipeline = LivePipeline(baseline, person, statuses, self._run_in_background)
        """To be read from any thread, changed in this one only."""
        self._statuses, self._on_estimate = statuses, on_estimate
        self._on_out_of_memory = on_out_of_memory
        self._requests = RequestQueue(self._failed)
        self._closed = threading.Event()
        self._disk = ThreadPoolExecutor(1, "emolive-disk")
        self._disk_work: Future[None] | None = None
        """The newest access to the disk."""

    def post(self, request: Request) -> None:
        """Carry out a request in this thread, before the next window. From any thread."""
        self._requests.post(request)

    def close(self, timeout_s: float) -> bool:
        """End the thread and finish saving; False if that took too long."""
        deadline_ns = now_ns() + to_ns(timeout_s)
        self._closed.set()
        self._requests.wake()
        if self.ident is not None and threading.current_thread() is not self:
            self.join(timeout_s)
        self._disk.shutdown(wait=False)
        if self._disk_work is not None:
            wait([self._disk_work], seconds_until(deadline_ns))
        return not self.is_alive() and (self._disk_work is None or self._disk_work.done())

    def run(self) -> None:
        """Estimate at each bin's end. A late window is skipped in real time."""
        Supervised(self.name, self._work, self._closed, lambda error, _: self._failed(error)).run()

    def _work(self) -> None:
        while not self._closed.is_set():
            stream, predictor = self.pipeline.stream, self.pipeline.predictor
            started = stream is not None and stream.started.is_set()
            if self._requests.is_pending:
                self._requests.carry_out()
                continue
            if stream is None or not started or stream.cancelled.is_set() or stream.finished.is_set():
                self._requests.wait(_WAIT_S)
            elif predictor is None:
                # Without a model nothing is read, and a source that is not paced need not wait.
                stream.read_limit_ns = _FOREVER_NS
                if stream.ended.is_set():
                    self.pipeline.finish_stream()
                self._requests.wait(_WAIT_S)
            else:
                self._estimate(stream, to_ns(predictor.spec.bin_s))

    def _estimate(self, stream: Stream, bin_ns: int) -> None:
        """Wait for the stream's next window and publish its estimate."""
        if stream.realtime:
            newest = int((now_ns() - stream.origin_ns) // bin_ns)
            if newest > stream.bin_index + 1:
                stream.estimates_skipped += newest - stream.bin_index if stream.estimates else 0
                stream.bin_index = newest
        end_ns = stream.origin_ns + stream.bin_index * bin_ns
        stream.read_limit_ns = end_ns + to_ns(READ_AHEAD_S)
        if not self._wait_for(stream, end_ns):
            return
        if stream.ended.is_set() and end_ns > _last_ns(stream):
            self.pipeline.finish_stream()
            return
        stream.bin_index += 1
        try:
            estimate = self.pipeline.predict(end_ns)
        except Exception as error:
            self._failed(error)
            return
        finally:
            stream.inference_watch.feed()
        if estimate is not None and not stream.cancelled.is_set():
            for each in (estimate, *stream.comparison):
                self._on_estimate(each, stream)

    def _failed(self, error: BaseException) -> None:
        """A window could not be estimated, or a request not be carried out; the next one may."""
        log_fault(log, "inference failed", error)
        text = f"The model failed on a window and continues: {one_line(error)}."
        self._statuses.put_passing(Status("model", "error", "failed", text))
        if is_out_of_memory(error):
            self._on_out_of_memory()

    def _wait_for(self, stream: Stream, end_ns: int) -> bool:
        """Until all input of the window has arrived, or is late; False if there is a request or no more
        stream."""
        wait_ns = end_ns - now_ns() if stream.realtime else 0
        if wait_ns > 0 and self._requests.wait(to_s(wait_ns)):
            return False
        while not (
            _is_complete(stream, end_ns) or (stream.realtime and now_ns() > end_ns + to_ns(LATE_TOLERANCE_S))
        ):
            if self._requests.wait(_POLL_S) or stream.cancelled.is_set():
                return False
        return True

    def _run_in_background(self, function: Callable[[], T], on_result: Callable[[T], None]) -> None:
        def work() -> None:
            try:
                result = function()
            except Exception as error:
                log_fault(log, "access to the disk failed", error)
                text = f"The baseline could not be loaded or saved: {one_line(error)}."
                self._statuses.put_passing(Status("baseline", "warning", "failed", text), _DISK_FAULT_S)
            else:
                self.post(lambda: on_result(result))

        self._disk_work = self._disk.submit(work)


def _is_complete(stream: Stream, end_ns: int) -> bool:
    """Whether everything up to `end_ns` was delivered and processed."""
    frame, processed_ns = stream.frame, stream.processed_ns
    all_processed = frame is None or processed_ns == frame.t_ns
    if stream.ended.is_set():
        return all_processed
    video = all_processed if not stream.realtime else not stream.has_video
    # What is known to be lost is not waited for.
    video = video or stream.video_lost or (processed_ns is not None and processed_ns >= end_ns)
    if not stream.realtime:
        # A source delivers in order of time.
        return video and stream.delivered_ns > end_ns
    audio_ns = None if stream.audio is None else stream.audio.newest_ns
    return video and (audio_ns is None or stream.audio_lost or audio_ns >= end_ns)


def _last_ns(stream: Stream) -> int:
    """The end of the newest input."""
    audio_ns = None if stream.audio is None else stream.audio.newest_ns
    return max(audio_ns or 0, 0 if stream.frame is None else stream.frame.t_ns)
