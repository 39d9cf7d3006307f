"""The perception thread: newest frame → face pipeline → feature buffer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable

from emolive.buffers.feature_buffer import FeatureBuffer
from emolive.expression_stats import EXPRESSIONS
from emolive.faults import is_out_of_memory, log_fault, one_line
from emolive.hints import QUALITY_DIM, quality_vector
from emolive.models.spec import ModelSpec
from emolive.session.request_queue import RequestQueue
from emolive.session.status import StatusRegistry
from emolive.session.stream import Stream, VideoFeatures
from emolive.supervision import Supervised
from emolive.types import Frame, Status
from emolive.vision.face_pipeline import BAD_FEATURES, FacePipeline
from emolive.vision.frame_sampler import FrameSampler
from emolive.vision.survey import FaceSurvey

log = logging.getLogger(__name__)

_WAIT_S = 0.1


class PerceptionWorker(threading.Thread):
    """Owns the face pipeline with its tracker and the frame sampler. `attach`, `set_pipeline` and `close` may
    be called from any thread; they are carried out in this one.

    Args:
        statuses: of the session.
        on_out_of_memory: called in this thread when the compute device has no memory left.
    """

    def __init__(self, statuses: StatusRegistry, on_out_of_memory: Callable[[], None]) -> None:
        super().__init__(name="emolive-perception", daemon=True)
        self._statuses, self._on_out_of_memory = statuses, on_out_of_memory
        self._requests = RequestQueue(self._failed)
        self._closed = threading.Event()
        self._stream: Stream | None = None
        self._pipeline: FacePipeline | None = None
        self._survey: FaceSurvey | None = None
        self._spec: ModelSpec | None = None
        self._space: Hashable = None

    def attach(self, stream: Stream) -> None:
        """Process the frames of another stream from now on."""
        self._requests.post(lambda: self._attach(stream))

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
            self._requests.post(lambda: self._set_pipeline(pipeline, spec, space))

    def follow_face(self, x_px: float, y_px: float, on_changed: Callable[[], None]) -> None:
        """Follow the other face at a point of the picture from now on; `on_changed` is called if there is
        one."""

        def follow() -> None:
            stream = self._stream
            if stream is None or stream.frame is None or self._survey is None:
                return
            if self._survey.follow(x_px, y_px, stream.frame.t_ns):
                stream.lips.break_off()
                on_changed()

        self._requests.post(follow)

    def close(self, timeout_s: float) -> bool:
        """End the thread and close the pipeline; False if it did not end in time."""
        self._closed.set()
        self._requests.wake()
        if self.ident is not None:
            self.join(timeout_s)
        if self.is_alive():
            return False
        self._requests.carry_out()
        if self._pipeline is not None:
            self._pipeline.close()
            self._pipeline = None
        return True

    def run(self) -> None:
        """Process the newest frame, again and again."""
        Supervised(self.name, self._work, self._closed, lambda error, _: self._failed(error)).run()

    def _work(self) -> None:
        while not self._closed.is_set():
            if self._requests.is_pending:
                self._requests.carry_out()
            stream = self._stream
            if stream is None or stream.cancelled.is_set():
                self._requests.wait(_WAIT_S)
                continue
            frame = stream.frame_slot.get(_WAIT_S)
            if self._requests.is_pending:
                # Made before the frame came, so carried out before the frame is processed.
                self._requests.carry_out()
            if frame is None or self._stream is not stream:
                continue
            try:
                self.process_frame(stream, frame)
            except Exception as error:
                self._failed(error)
            stream.processed_ns = frame.t_ns

    def _failed(self, error: BaseException) -> None:
        """A frame could not be processed, or a request not be carried out; the next one may."""
        log_fault(log, "perception failed", error)
        text = f"Face tracking failed on a frame and continues: {one_line(error)}."
        statuses = self._statuses if self._stream is None else self._stream.statuses
        statuses.put_passing(Status("face", "error", "failed", text))
        if is_out_of_memory(error):
            self._on_out_of_memory()

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
                *(
                    FeatureBuffer(dim, stream.history_s) if self._spec.pool is not None else None
                    for dim in (len(EXPRESSIONS), QUALITY_DIM)
                ),
            )
        if features.sampler.accept(frame.t_ns):
            observation = self._pipeline.process(frame)
            if self._survey is not None and not observation.problem:
                observation = self._survey.add_to(observation, frame)
            # First, so that whoever finds the vector finds the expression too.
            if observation.expression is not None and features.expressions is not None:
                features.expressions.append(observation.t_ns, observation.expression)
            if observation.quality is not None and features.qualities is not None:
                features.qualities.append(observation.t_ns, quality_vector(observation.quality))
            n_refused, problem = features.buffer.n_refused, observation.problem
            features.buffer.append(observation.t_ns, observation.features)
            if features.buffer.n_refused > n_refused:
                problem = BAD_FEATURES
            if problem:
                stream.faces_refused += 1
                stream.statuses.put_passing(Status("face", "warning", "implausible", problem))
            stream.lips.add(observation)
            stream.observation = observation
            stream.frames_perceived += 1

    def _attach(self, stream: Stream) -> None:
        self._stream = stream
        if self._pipeline is not None and self._spec is not None:
            self._pipeline.reset()
            self._pipeline.shows_drawing = stream.is_synthetic
            if self._survey is not None:
                self._survey.reset()
            stream.require_window(self._spec.window_s)

    def _set_pipeline(self, pipeline: FacePipeline, spec: ModelSpec, space: Hashable) -> None:
        previous, self._pipeline = self._pipeline, pipeline
        self._survey = FaceSurvey(pipeline.tracker)
        self._spec, self._space = spec, space
        if self._stream is not None:
            pipeline.shows_drawing = self._stream.is_synthetic
            # Vectors of another space must not be mixed with these.
            self._stream.features = None
            self._stream.require_window(spec.window_s)
        if previous is not None:
            previous.close()
