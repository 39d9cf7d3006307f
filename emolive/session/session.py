"""The live session: estimates from devices or files, in background threads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

from emolive.capture.source_spec import parse_microphone, parse_source
from emolive.clock import now_ns, to_ns, to_s
from emolive.errors import ConfigError, DeviceError, EmoliveError
from emolive.faults import log_fault, one_line
from emolive.models.spec import ModelSpec
from emolive.normalization import MODES
from emolive.plugins import FUSIONS
from emolive.session.comparison import ComparisonLoader
from emolive.session.config import SessionConfig
from emolive.session.inference_worker import InferenceWorker
from emolive.session.lease_watch import LeaseWatch
from emolive.session.model_loader import LoadModel, ModelLoader
from emolive.session.perception_worker import PerceptionWorker
from emolive.session.recording import SessionRecording, session_settings
from emolive.session.snapshot import build_snapshot, with_outputs
from emolive.session.status import StatusRegistry
from emolive.session.stream import Stream
from emolive.session.stream_opening import open_stream
from emolive.session.subscription import Publisher, Subscription
from emolive.types import Estimate, RecordingState, Snapshot

log = logging.getLogger(__name__)

STOP_SOURCE_S = 1.5
"""How long a change of the source waits for the old one to stop."""


class Session:
    """Estimates expressed emotion live from a camera or file and a microphone.

    All methods may be called from any thread. `start` waits until the source is open, `stop` until the
    threads have ended; all other calls return at once. An invalid option raises ConfigError in the call
    itself. Later failures (a lost device, a model that cannot be loaded, a baseline that cannot be saved) are
    reported by the returned Future (`set_source`, `set_mic`) or as a `Status` in the snapshot, and the
    session continues with what is available.

    Args:
        config: the initial settings; by default the default camera and microphone and the shipped model.
        load_model: loads a model; by default `emolive.predictor.load_predictor`.

    Raises:
        ConfigError: the config names an unknown baseline or backend.

    Example:
        with Session(SessionConfig(source="clip.mp4")) as session:
            session.subscribe(lambda estimate: print(estimate.t_s, estimate.label))
            while not session.finished:
                time.sleep(0.1)
    """

    def __init__(self, config: SessionConfig | None = None, *, load_model: LoadModel | None = None) -> None:
        config = config or SessionConfig()
        _check_baseline(config.baseline)
        self._config = config
        self._lock = threading.RLock()
        """Held while a stream is replaced; no frame and no estimate waits for it."""
        self._statuses = StatusRegistry()
        """Statuses of model and baseline; those of the source belong to its stream."""
        self._publisher = Publisher()
        """Passes estimates on in threads of its own."""
        self._recording = SessionRecording()
        self._publisher.subscribe(self._recording.add)
        self._stream: Stream | None = None
        self._running = False
        self._stopped = threading.Event()
        self._opener = ThreadPoolExecutor(1, "emolive-open")
        self._perception = PerceptionWorker(self._statuses, self._out_of_memory)
        self._inference = InferenceWorker(
            config.baseline, config.person, self._statuses, self._publish, self._out_of_memory
        )
        self._watch = LeaseWatch(
            self._statuses, lambda: self._stream, lambda: self._inference.pipeline.predictor is not None
        )
        self._loader = ModelLoader(
            config.device,
            config.backend,
            person=lambda: self._config.person,
            on_face_pipeline=self._perception.set_pipeline,
            on_model=lambda loaded: self._inference.post(partial(self._inference.pipeline.set_model, loaded)),
            on_status=self._statuses.put,
            load_model=load_model,
        )
        self._comparison = ComparisonLoader(
            config.device,
            config.backend,
            load_model,
            on_models=lambda models: self._inference.post(
                partial(self._inference.pipeline.set_comparison, models)
            ),
            on_status=self._statuses.put,
        )

    # --- start and stop

    def start(self) -> None:
        """Open the source and start; repeated calls have no effect. May wait some seconds for a slow driver.

        Raises:
            EmoliveError: the source or microphone cannot be opened, or the session was stopped.
        """
        self._submit(self._start).result()

    def stop(self, timeout_s: float = 3.0) -> bool:
        """End all threads and release devices and models; a stopped session cannot be started again.

        Args:
            timeout_s: how long to wait, in seconds.

        Returns:
            False if a thread did not end in time.
        """
        deadline_ns = now_ns() + to_ns(timeout_s)
        self._stopped.set()
        self._opener.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._running = False
            ended = self._stream is None or self._stream.stop(deadline_ns)
        self._recording.stop(max(0.1, to_s(deadline_ns - now_ns())))
        # The loader posts to the workers, so it ends before them.
        for close in (
            self._comparison.close,
            self._loader.close,
            self._inference.close,
            self._perception.close,
            self._watch.close,
            self._publisher.close,
        ):
            ended = close(max(0.0, to_s(deadline_ns - now_ns()))) and ended
        return ended

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- results

    def snapshot(self) -> Snapshot:
        """The newest frame, estimate, statuses and counters; never waits."""
        snapshot = build_snapshot(
            self._config, self._statuses, self._inference.pipeline, self._stream, running=self._running
        )
        return with_outputs(snapshot, self._recording.state(), self._publisher.statuses())

    def subscribe(self, callback: Callable[[Estimate], None]) -> Subscription:
        """Call `callback` with each new estimate, in a thread of its own.

        Args:
            callback: called with the estimate; its exceptions are logged and have no other effect. If it is
                slower than real time for long, the oldest waiting estimates are dropped; a source that is not
                paced waits for it.

        Returns:
            The subscription; close it to end it. It counts what was dropped.
        """
        return self._publisher.subscribe(callback)

    @property
    def finished(self) -> bool:
        """Whether a media file was played and analysed to its end, and all subscribers have taken it."""
        stream = self._stream
        return stream is not None and stream.finished.is_set() and self._publisher.is_idle

    @property
    def model_settled(self) -> bool:
        """Whether the newest requested model was loaded or has failed."""
        return self._loader.idle.is_set()

    # --- requests

    def set_source(self, source: str) -> Future[None]:
        """Open another source in the background; the present one continues until it is open.

        Args:
            source: a source string; see `emolive.capture.source_spec`.

        Returns:
            A future that is done when the source has started; its `result()` raises EmoliveError on failure.

        Raises:
            ConfigError: the string is empty or invalid, or the session was stopped.
        """
        parse_source(source)
        return self._submit(partial(self._switch, source=source))

    def set_mic(self, mic: str) -> Future[None]:
        """Use another microphone; it and the source are reopened in the background.

        Args:
            mic: auto, default, none, an index or a name.

        Returns:
            A future, as for `set_source`.

        Raises:
            ConfigError: the string is invalid, or the session was stopped.
        """
        parse_microphone(mic)
        return self._submit(partial(self._switch, mic=mic))

    def set_fusion(self, fusion: str) -> None:
        """Load the shipped model of a fusion in the background; the present model continues until then.

        Raises:
            ConfigError: there is no such fusion.
        """
        self._loader.request(fusion, None)

    def set_checkpoint(self, path: Path) -> None:
        """Load a checkpoint file in the background; the present model continues until then."""
        self._loader.request(None, path)

    def set_comparison(self, fusions: tuple[str, ...]) -> None:
        """Let the shipped models of these fusions answer too, on the same evidence, beside the present one.

        They are loaded in the background. Their estimates are published after that of the present model, and
        the newest are in `Snapshot.comparison`.

        Raises:
            ConfigError: there is no such fusion.
        """
        for fusion in fusions:
            FUSIONS.check(fusion)
        self._comparison.load(fusions)

    def set_baseline(self, mode: str) -> None:
        """Use another normalisation from the next window on.

        Args:
            mode: none, neutral or running.

        Raises:
            ConfigError: there is no such mode.
        """
        _check_baseline(mode)
        self._inference.post(partial(self._inference.pipeline.set_baseline, mode))

    def set_person(self, person: str) -> None:
        """Estimate for another person: load their neutral baseline and reset the running statistics.

        Raises:
            ConfigError: the name is empty.
        """
        person = person.strip()
        if not person:
            raise ConfigError("A person needs a name under which the baseline is saved.")
        with self._lock:
            self._config = replace(self._config, person=person)
        self._inference.post(partial(self._inference.pipeline.set_person, person))

    def calibrate(self, seconds: float = 5.0) -> None:
        """Measure the person's neutral baseline from now on, then save and use it.

        Args:
            seconds: duration, during which the person looks and speaks neutrally.

        Raises:
            ConfigError: calibration is not possible now: no source plays, no model is loaded, the model reads
                raw features, or a file is read faster than real time.
        """
        if seconds <= 0:
            raise ConfigError("A calibration must last some seconds: choose more than 0.")
        stream, predictor = self._stream, self._inference.pipeline.predictor
        if stream is None or not self._running or stream.finished.is_set():
            raise ConfigError("Nothing is playing to calibrate on: choose a camera or a file.")
        if not stream.realtime:
            raise ConfigError("A file that is read faster than real time leaves no time to calibrate.")
        if predictor is None:
            raise ConfigError("The model is still loading: calibrate in a moment.")
        if not predictor.spec.baselines:
            raise ConfigError("This model reads raw features and has no baseline: choose another model.")
        self._inference.post(partial(self._inference.pipeline.start_calibration, seconds, now_ns()))

    # --- called by the parts

    def _publish(self, estimate: Estimate, stream: Stream) -> None:
        """Pass an estimate on; a source that is not in real time waits until it was taken."""
        self._publisher.publish(estimate)
        if not stream.realtime:
            self._publisher.wait_idle(lambda: stream.cancelled.is_set() or self._stopped.is_set())

    def _out_of_memory(self) -> None:
        predictor = self._inference.pipeline.predictor
        if predictor is not None and predictor.device.type != "cpu":
            self._loader.fall_back_to_cpu()

    def start_recording(self, parent: Path | None = None) -> Path:
        """Record picture, sound, estimates and settings from now on. Accesses the disk.

        Args:
            parent: where a new folder for the recording is created; by default among the user's videos.

        Returns:
            The recording's folder.

        Raises:
            ConfigError: nothing plays, or a recording runs.
            OutputError: there is no place for it, or less than 1 GB is free.
        """
        stream = self._stream
        if stream is None or not self._running or stream.finished.is_set():
            raise ConfigError("Nothing is playing to record: choose a camera or a file.")
        settings = session_settings(self._config, stream, self._inference.pipeline)
        folder = self._recording.start(parent, stream, settings)
        with self._lock:
            # The source may have been changed meanwhile.
            if self._stream is not None:
                self._stream.tap = self._recording.recorder
        return folder

    def stop_recording(self) -> RecordingState | None:
        """End the recording and finish its files, which takes a moment; None if there never was one.

        `stop` ends it too, but does not wait longer than its own timeout.
        """
        return self._recording.stop()

    def set_explaining(self, on: bool) -> None:
        """Explain each answer from the next window on (`Snapshot.explanation`), or no longer."""
        self._inference.post(partial(self._inference.pipeline.set_explaining, on))

    def choose_face(self, x_px: float, y_px: float) -> None:
        """Read another face of the picture from now on; running statistics begin anew.

        Args:
            x_px, y_px: a point of the newest frame, in the box of one of `FaceObservation.others`; elsewhere
                nothing changes.
        """
        pipeline = self._inference.pipeline
        self._perception.follow_face(x_px, y_px, lambda: self._inference.post(pipeline.start_anew))

    # --- streams

    def _submit(self, function: Callable[[], None]) -> Future[None]:
        """Run a change of the source in the opener's thread, in the order of the calls."""
        try:
            return self._opener.submit(partial(_call, function))
        except RuntimeError:
            raise ConfigError("This session has been stopped: create another one.") from None

    def _start(self) -> None:
        if self._running:
            return
        config = self._config
        stream = self._open(config.source, config.mic)
        with self._lock:
            if self._stopped.is_set():
                return
            self._perception.start()
            self._inference.start()
            self._watch.start()
            self._loader.request(None if config.checkpoint else config.fusion, config.checkpoint)
            if config.comparison:
                self._comparison.load(config.comparison)
            self._running = True
            self._begin(stream)

    def _switch(self, *, source: str | None = None, mic: str | None = None) -> None:
        """Open the new stream before the old one is stopped: a failure changes nothing."""
        changed = replace(
            self._config,
            source=self._config.source if source is None else source,
            mic=self._config.mic if mic is None else mic,
        )
        # What stays is opened again as the same device: its index may be another one's by now.
        current = self._stream
        lasting_source = current.lasting_source if source is None and current is not None else ""
        lasting_mic = current.lasting_mic if mic is None and current is not None else ""
        stream = None
        if self._running:
            stream = self._open(lasting_source or changed.source, lasting_mic or changed.mic)
            if lasting_source and current is not None:
                stream.source = current.source
        with self._lock:
            self._config = replace(self._config, source=changed.source, mic=changed.mic)
            if stream is None or not self._running:
                return
            if self._stream is not None:
                self._stream.stop(now_ns() + to_ns(STOP_SOURCE_S))
                stream.previous = self._stream.counters
            self._begin(stream)

    def _open(self, source: str, mic: str) -> Stream:
        predictor = self._inference.pipeline.predictor
        spec = predictor.spec if predictor is not None else ModelSpec()
        stream = open_stream(
            source,
            mic,
            paced=self._config.paced,
            loop=self._config.loop,
            window_s=spec.window_s,
            track=self._config.track,
        )
        stream.av_offset_ns = round(self._config.av_offset_ms * 1e6)
        return stream

    def _begin(self, stream: Stream) -> None:
        stream.tap = self._recording.recorder
        self._perception.attach(stream)
        self._inference.post(partial(self._inference.pipeline.attach, stream))
        self._stream = stream
        if stream.is_live or (stream.realtime and stream.is_synthetic):
            stream.start()
        else:
            # A file waits for the model, so that it is analysed from its beginning.
            start = partial(self._start_stream, stream)
            self._loader.call_when_idle(partial(self._comparison.call_when_idle, start))

    def _start_stream(self, stream: Stream) -> None:
        with self._lock:
            if stream is self._stream and not stream.cancelled.is_set():
                stream.start()


def _call(function: Callable[[], None]) -> None:
    """Call a function that opens devices. DeviceError for anything unexpected."""
    try:
        function()
    except EmoliveError:
        raise
    except Exception as error:
        log_fault(log, "a source could not be opened", error)
        raise DeviceError(f"The source could not be opened: {one_line(error)}.") from error


def _check_baseline(mode: str) -> None:
    if mode not in MODES:
        raise ConfigError(f"There is no baseline {mode}: choose {', '.join(MODES)}.")
