"""The perception thread: newest frame → face pipeline → feature buffer."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Hashable

from emolive.buffers.feature_buffer import FeatureBuffer
from emolive.models.spec import ModelSpec
from emolive.opinion_pool import EXPRESSIONS
from emolive.session.stream import Stream, VideoFeatures
from emolive.types import Frame, Status
from emolive.vision.face_pipeline import FacePipeline
from emolive.vision.frame_sampler import FrameSampler
from emolive.vision.survey import FaceSurvey

log = logging.getLogger(__name__)

_WAIT_S = 0.1


class PerceptionWorker(threading.Thread):
    """Owns the face pipeline with its tracker and the frame sampler. `attach`, `set_pipeline` and `close` may
    be called from any thread; they are carried out in this one."""

    def __init__(self) -> None:
        super().__init__(name="emolive-perception", daemon=True)
        self._requests: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._requested = threading.Event()
        self._closed = threading.Event()
        self._stream: Stream | None = None
        self._pipeline: FacePipeline | None = None
        self._survey: FaceSurvey | None = None
        self._spec: ModelSpec | None = None
        self._space: Hashable = None

    def attach(self, stream: Stream) -> None:
        """Process the frames of another stream from now on."""
        self._post(lambda: self._attach(stream))

    def set_pipeline(self, pipeline: FacePipeline, spec: ModelSpec, space: Hashable) -> None:
        """Process frames with another pipeline from now on; the one before is closed.

        Args:
            pipeline: owned by the worker from now on.
            spec: of a model that reads its vectors.
            space: what measures them.
        """
        if self._closed.is_set():
            pipeline.close()
        else:
            self._post(lambda: self._set_pipeline(pipeline, spec, space))

    def follow_face(self, x_px: float, y_px: float, on_changed: Callable[[], None]) -> None:
        """Follow the other face at a point of the picture from now on; `on_changed` is called if there is
        one."""

        def follow() -> None:
            stream = self._stream
            if stream is None or stream.frame is None or self._survey is None:
                return
            if self._survey.follow(x_px, y_px, stream.frame.t_ns):
                on_changed()

        self._post(follow)

    def close(self, timeout_s: float) -> bool:
        """End the thread and close the pipeline; False if it did not end in time."""
        self._closed.set()
        self._requested.set()
        if self.ident is not None:
            self.join(timeout_s)
        if self.is_alive():
            return False
        self._carry_out_requests()
        if self._pipeline is not None:
            self._pipeline.close()
            self._pipeline = None
        return True

    def run(self) -> None:
        """Process the newest frame, again and again."""
        while not self._closed.is_set():
            if self._requested.is_set():
                self._carry_out_requests()
            stream = self._stream
            if stream is None or stream.cancelled.is_set():
                self._requested.wait(_WAIT_S)
                continue
            frame = stream.frame_slot.get(_WAIT_S)
            if self._requested.is_set():
                # Made before the frame came, so carried out before the frame is processed.
                self._carry_out_requests()
            if frame is None or self._stream is not stream:
                continue
            try:
                self.process_frame(stream, frame)
            except Exception as error:
                log.exception("perception failed")
                text = f"Face tracking failed on a frame and continues: {error}."
                stream.statuses.put(Status("face", "error", "failed", text))
            stream.processed_ns = frame.t_ns

    def process_frame(self, stream: Stream, frame: Frame) -> None:
        """Encode the face in a frame, if the sampler accepts the frame."""
        if self._pipeline is None or self._spec is None:
            return
        features = stream.features
        if features is None:
            features = stream.features = VideoFeatures(
                self._space,
                FeatureBuffer(self._spec.frame_dim, stream.history_s),
                FrameSampler(self._spec, stream.origin_ns),
                FeatureBuffer(len(EXPRESSIONS), stream.history_s) if self._spec.pool is not None else None,
            )
        if features.sampler.accept(frame.t_ns):
            observation = self._pipeline.process(frame)
            if self._survey is not None and stream.realtime:
                observation = self._survey.add_to(observation, frame)
            # First, so that whoever finds the vector finds the expression too.
            if observation.expression is not None and features.expressions is not None:
                features.expressions.append(observation.t_ns, observation.expression)
            features.buffer.append(observation.t_ns, observation.features)
            stream.observation = observation
            stream.frames_perceived += 1

    def _post(self, request: Callable[[], None]) -> None:
        self._requests.put(request)
        self._requested.set()

    def _carry_out_requests(self) -> None:
        self._requested.clear()
        while True:
            try:
                request = self._requests.get_nowait()
            except queue.Empty:
                return
            request()

    def _attach(self, stream: Stream) -> None:
        self._stream = stream
        if self._pipeline is not None and self._spec is not None:
            self._pipeline.reset()
            if self._survey is not None:
                self._survey.reset()
            stream.require_window(self._spec.window_s)

    def _set_pipeline(self, pipeline: FacePipeline, spec: ModelSpec, space: Hashable) -> None:
        previous, self._pipeline = self._pipeline, pipeline
        self._survey = FaceSurvey(pipeline.tracker)
        self._spec, self._space = spec, space
        if self._stream is not None:
            # Vectors of another space must not be mixed with these.
            self._stream.features = None
            self._stream.require_window(spec.window_s)
        if previous is not None:
            previous.close()
