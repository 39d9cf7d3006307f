"""The live session: estimates from devices or files, in background threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

from emolive.capture.source_spec import parse_microphone, parse_source
from emolive.clock import now_ns, seconds_until, to_ns
from emolive.errors import ConfigError
from emolive.session.config import SessionConfig
from emolive.session.lease_watch import LeaseWatch
from emolive.session.model_controls import ModelControls
from emolive.session.model_request import LoadModel
from emolive.session.recording import SessionRecording, session_settings
from emolive.session.snapshot import build_snapshot, with_outputs
from emolive.session.source_switch import SourceSwitch
from emolive.session.stream import Stream
from emolive.session.subscription import Publisher, Subscription
from emolive.snapshot import RecordingState, Snapshot
from emolive.types import Estimate


class Session(ModelControls):
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
        super().__init__(config, load_model)
        self._publisher = Publisher()
        """Passes estimates on in threads of its own."""
        self._recording = SessionRecording()
        self._publisher.subscribe(self._recording.add)
        self._stopped = threading.Event()
        self._watch = LeaseWatch(
            self._statuses, lambda: self._stream, lambda: self._inference.pipeline.predictor is not None
        )
        self._sources = SourceSwitch(
            config,
            window_s=self._window_s,
            on_begin=self._attach,
            when_models_settle=self._when_models_settle,
        )

    # --- start and stop

    def start(self) -> None:
        """Open the source and start; repeated calls have no effect. May wait some seconds for a slow driver.

        Raises:
            EmoliveError: the source or microphone cannot be opened, or the session was stopped.
        """
        self._sources.submit(self._start).result()

    def stop(self, timeout_s: float = 3.0) -> bool:
        """End all threads and release devices and models; a stopped session cannot be started again.

        Args:
            timeout_s: how long to wait, in seconds.

        Returns:
            False if a thread did not end in time.
        """
        deadline_ns = now_ns() + to_ns(timeout_s)
        self._stopped.set()
        self._sources.close()
        with self._sources.lock:
            self._running = False
            ended = self._stream is None or self._stream.stop(deadline_ns)
        self._recording.stop(seconds_until(deadline_ns, 0.1))
        # The loader posts to the workers, so it ends before them.
        for close in (
            self._comparison.close,
            self._loader.close,
            self._inference.close,
            self._perception.close,
            self._watch.close,
            self._publisher.close,
        ):
            ended = close(seconds_until(deadline_ns)) and ended
        return ended

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            # Without it there is no __exit__.
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- results

    def snapshot(self) -> Snapshot:
        """The newest frame, estimate, statuses and counters; never waits."""
        snapshot = build_snapshot(
            self._person, self._statuses, self._inference.pipeline, self._stream, running=self._running
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

    # --- requests, besides those of `ModelControls`

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
        return self._sources.submit(partial(self._sources.change, lambda: self._running, source=source))

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
        return self._sources.submit(partial(self._sources.change, lambda: self._running, mic=mic))

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
        pipeline = self._inference.pipeline
        config = replace(
            self._sources.config,
            person=self._person,
            device=self._runtime[0],
            backend=self._runtime[1],
            hop_bins=pipeline.hop_bins,
            smoothing=pipeline.smoothing,
        )
        settings = session_settings(config, stream, pipeline)
        folder = self._recording.start(parent, stream, settings)
        with self._sources.lock:
            # The source may have been changed meanwhile.
            if self._stream is not None:
                self._stream.tap = self._recording.recorder
        return folder

    def stop_recording(self) -> RecordingState | None:
        """End the recording and finish its files, which takes a moment; None if there never was one.

        `stop` ends it too, but does not wait longer than its own timeout.
        """
        return self._recording.stop()

    def choose_face(self, x_px: float, y_px: float) -> None:
        """Read another face of the picture from now on; running statistics begin anew.

        Args:
            x_px, y_px: a point of the newest frame, in the box of one of `FaceObservation.others`; elsewhere
                nothing changes.
        """
        pipeline = self._inference.pipeline
        self._perception.follow_face(x_px, y_px, lambda: self._inference.post(pipeline.start_anew))

    # --- called by the parts

    def _publish(self, estimate: Estimate, stream: Stream) -> None:
        """Pass an estimate on; a source that is not in real time waits until it was taken."""
        self._publisher.publish(estimate)
        if not stream.realtime:
            self._publisher.wait_idle(lambda: stream.cancelled.is_set() or self._stopped.is_set())

    # --- streams

    @property
    def _stream(self) -> Stream | None:
        return self._sources.stream

    def _start(self) -> None:
        if self._running:
            return
        config = self._sources.config
        stream = self._sources.open(config.source, config.mic)
        with self._sources.lock:
            if self._stopped.is_set():
                return
            self._perception.start()
            self._inference.start()
            self._watch.start()
            self._load_models(config)
            self._running = True
            self._sources.begin(stream)

    def _attach(self, stream: Stream) -> None:
        stream.tap = self._recording.recorder
        self._perception.attach(stream)
        self._inference.post(partial(self._inference.pipeline.attach, stream))
