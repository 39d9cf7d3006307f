"""The live session: from devices or files to estimates, in threads of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

from emolive.capture.source_spec import parse_microphone, parse_source
from emolive.clock import now_ns, to_ns, to_s
from emolive.errors import ConfigError
from emolive.models.spec import ModelSpec
from emolive.normalization import MODES
from emolive.session.config import SessionConfig
from emolive.session.inference_worker import InferenceWorker
from emolive.session.model_loader import ModelLoader
from emolive.session.perception_worker import PerceptionWorker
from emolive.session.status import StatusRegistry, latency_status
from emolive.session.stream import Stream, open_stream
from emolive.session.subscription import Publisher, Subscription
from emolive.types import Estimate, Snapshot

STOP_SOURCE_S = 1.5
"""How long a change of the source waits for the old one to stop."""
STALE_BINS = 6
"""After this many bins without a new estimate the last one is no longer part of a snapshot."""


class Session:
    """Estimates expressed emotion live from a camera or file and a microphone.

    All methods may be called from any thread. `start` waits until the source was found, `stop` until the
    threads have ended; all other calls return at once. An option that is invalid raises ConfigError from the
    call itself. What turns out later is the result of the returned Future (`set_source`, `set_mic`) or a
    `Status` in the snapshot,
    while the session goes on with what it has: a device that is lost, a model that cannot be loaded, a
        baseline that
    cannot be saved.

    Args:
        config: how it begins; by default the default camera and microphone and the shipped model.

    Raises:
        ConfigError: the config names a baseline or backend that does not exist.

    Example:
        with Session(SessionConfig(source="clip.mp4")) as session:
            session.subscribe(lambda estimate: print(estimate.t_s, estimate.label))
            while not session.finished:
                time.sleep(0.1)
    """

    def __init__(self, config: SessionConfig | None = None) -> None:
        config = config or SessionConfig()
        _check_baseline(config.baseline)
        self._config = config
        self._lock = threading.RLock()
        """Held while one stream takes the place of another; no frame and no estimate waits for it."""
        self._statuses = StatusRegistry()
        """Of model and baseline; those of the source are its stream's."""
        self._publisher = Publisher()
        self._stream: Stream | None = None
        self._running = False
        self._stopped = threading.Event()
        self._opener = ThreadPoolExecutor(1, "emolive-open")
        self._perception = PerceptionWorker()
        self._inference = InferenceWorker(
            config.baseline, config.person, self._statuses, self._publisher.publish
        )
        self._loader = ModelLoader(
            config.device,
            config.backend,
            person=lambda: self._config.person,
            on_face_pipeline=self._perception.set_pipeline,
            on_model=lambda loaded: self._inference.post(partial(self._inference.pipeline.set_model, loaded)),
            on_status=self._statuses.put,
        )

    # --- start and stop

    def start(self) -> None:
        """Open the source and start; has an effect once. Waits some seconds for a driver that is slow.

        Raises:
            EmoliveError: the source or microphone cannot be opened, or the session was stopped.
        """
        self._submit(self._start).result()

    def stop(self, timeout_s: float = 3.0) -> bool:
        """End all threads and release devices and models; a stopped session cannot be started again.

        Args:
            timeout_s: how long to wait, in seconds.

        Returns:
            False if a thread did not end in time; it is a daemon, or saves a baseline.
        """
        deadline_ns = now_ns() + to_ns(timeout_s)
        self._stopped.set()
        self._opener.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._running = False
            ended = self._stream is None or self._stream.stop(deadline_ns)
        # The loader hands its results to the workers, so that it ends before them.
        for close in (self._loader.close, self._inference.close, self._perception.close):
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
        stream, pipeline = self._stream, self._inference.pipeline
        predictor = pipeline.predictor
        snapshot = Snapshot(
            statuses=self._statuses.all(),
            fusion=predictor.spec.fusion if predictor is not None else "",
            baseline=pipeline.baseline,
            person=self._config.person,
            running=self._running,
        )
        if stream is None:
            return snapshot
        estimate = self._recent(stream)
        latency = (latency_status(estimate),) if estimate is not None else ()
        calibration = stream.calibration
        return replace(
            snapshot,
            frame=stream.frame,
            observation=stream.observation,
            estimate=estimate,
            statuses=(*snapshot.statuses, *stream.statuses.all(), *latency),
            counters=stream.counters,
            calibration=calibration.progress(now_ns()) if calibration is not None else None,
            is_synthetic=stream.is_synthetic,
            ended=stream.ended.is_set(),
            voice_dbfs=stream.audio_dbfs,
        )

    def subscribe(self, callback: Callable[[Estimate], None]) -> Subscription:
        """Call `callback` with each new estimate, from the inference thread; it must be quick.

        Args:
            callback: an exception that it raises is logged and has no other effect.

        Returns:
            The subscription; close it to end it.
        """
        return self._publisher.subscribe(callback)

    @property
    def finished(self) -> bool:
        """Whether a media file was played, and read, to its end."""
        stream = self._stream
        return stream is not None and stream.finished.is_set()

    @property
    def model_settled(self) -> bool:
        """Whether the newest model that was requested was loaded or refused."""
        return self._loader.idle.is_set()

    # --- requests

    def set_source(self, source: str) -> Future[None]:
        """Open another source in the background; the present one goes on until it is found.

        Args:
            source: see `emolive.capture.source_spec`.

        Returns:
            Done when it was started; its `result()` raises EmoliveError if it cannot be opened.

        Raises:
            ConfigError: nothing is named, the address cannot be opened, or the session was stopped.
        """
        parse_source(source)
        return self._submit(partial(self._switch, source=source))

    def set_mic(self, mic: str) -> Future[None]:
        """Use another microphone, opened in the background together with the source anew.

        Args:
            mic: auto, default, none, an index or a name.

        Returns:
            As `set_source`.

        Raises:
            ConfigError: it cannot be a microphone, or the session was stopped.
        """
        parse_microphone(mic)
        return self._submit(partial(self._switch, mic=mic))

    def set_fusion(self, fusion: str) -> None:
        """Load the shipped model of a fusion in the background; the present model goes on until it is warm.

        Raises:
            ConfigError: there is no such fusion.
        """
        self._loader.request(fusion, None)

    def set_checkpoint(self, path: Path) -> None:
        """Load a checkpoint file in the background; the present model goes on until it is warm."""
        self._loader.request(None, path)

    def set_baseline(self, mode: str) -> None:
        """Make estimates relative to another baseline, from the next window on.

        Args:
            mode: none, neutral or running.

        Raises:
            ConfigError: there is no such mode.
        """
        _check_baseline(mode)
        self._inference.post(partial(self._inference.pipeline.set_baseline, mode))

    def set_person(self, person: str) -> None:
        """Estimate for another person: with their saved neutral baseline, and without the running one so far.

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
            seconds: how long the person looks and speaks neutrally.

        Raises:
            ConfigError: there is nothing to calibrate on: no source plays, no model is loaded, the model
            reads raw
                features, or a file is read faster than real time.
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

    # --- streams

    def _submit(self, function: Callable[[], None]) -> Future[None]:
        """Carry out a change of the source in the opener's thread, in the order of the calls."""
        try:
            return self._opener.submit(function)
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
            self._loader.request(None if config.checkpoint else config.fusion, config.checkpoint)
            self._running = True
            self._begin(stream)

    def _switch(self, *, source: str | None = None, mic: str | None = None) -> None:
        """Open the new stream before the old one is stopped: what cannot be opened changes nothing."""
        changed = replace(
            self._config,
            source=self._config.source if source is None else source,
            mic=self._config.mic if mic is None else mic,
        )
        stream = self._open(changed.source, changed.mic) if self._running else None
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
        return open_stream(
            source, mic, paced=self._config.paced, loop=self._config.loop, window_s=spec.window_s
        )

    def _begin(self, stream: Stream) -> None:
        self._perception.attach(stream)
        self._inference.post(partial(self._inference.pipeline.attach, stream))
        self._stream = stream
        if stream.is_live or (stream.realtime and stream.is_synthetic):
            stream.start()
        else:
            # A file waits for the model, so that nothing of it goes unread.
            self._loader.call_when_idle(partial(self._start_stream, stream))

    def _start_stream(self, stream: Stream) -> None:
        with self._lock:
            if stream is self._stream and not stream.cancelled.is_set():
                stream.start()

    # --- estimates

    def _recent(self, stream: Stream) -> Estimate | None:
        """The stream's newest estimate, unless it is too old to be shown."""
        estimate, predictor = stream.estimate, self._inference.pipeline.predictor
        if estimate is None or predictor is None or stream.finished.is_set() or not stream.realtime:
            return estimate
        age_s = to_s(now_ns() - estimate.t_ns)
        return estimate if age_s <= STALE_BINS * predictor.spec.bin_s else None


def _check_baseline(mode: str) -> None:
    if mode not in MODES:
        raise ConfigError(f"There is no baseline {mode}: choose {', '.join(MODES)}.")
