"""The live session: it alone starts, watches and joins the threads between devices and window."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from emolive.clock import now_ns, to_ns, to_s
from emolive.errors import EmoliveError
from emolive.normalization import MODES
from emolive.session.config import SessionConfig
from emolive.session.model_loader import ModelLoader
from emolive.session.pipeline import LivePipeline
from emolive.session.source_runner import SourceRunner
from emolive.session.stream import StatusRegistry
from emolive.types import Estimate, Snapshot, Status

log = logging.getLogger(__name__)

STOP_SOURCE_S = 1.5
STALE_HOPS = 6
"""After so many hops without a new estimate the last one is no longer shown."""
SLOW_MS = 250.0


class Session:
    """See `emolive.session.config.SessionProtocol` for what each call does.

    Example:
        session = Session(SessionConfig(source="clip.mp4"))
        session.subscribe(lambda estimate: print(estimate.label))
        session.start()
    """

    def __init__(self, config: SessionConfig | None = None) -> None:
        self._config = config or SessionConfig()
        _check_baseline(self._config.baseline)
        self._lock = threading.RLock()
        """Held while one run takes the place of another."""
        self._opening = threading.Lock()
        """Held while a source is looked for, which may take a driver seconds: `stop` does not wait for it."""
        self._statuses = StatusRegistry()
        self._engine = LivePipeline(self._config.baseline, self._config.person, self._statuses)
        self._loader = ModelLoader(
            self._config.device,
            self._config.backend,
            on_known=self._engine.prepare,
            on_ready=self._engine.adopt,
            on_status=self._statuses.put,
        )
        self._subscribers: list[Callable[[Estimate], None]] = []
        self._run: SourceRunner | None = None
        self._source, self._mic = self._config.source, self._config.mic
        self._running = False
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin; once. EmoliveError if the source or microphone that was named is not there."""
        with self._opening:
            if self._running:
                return
            if self._stopped.is_set():
                raise EmoliveError("This session has been stopped: begin another one.")
            run = self._open(self._source, self._mic)
            with self._lock:
                if self._stopped.is_set():
                    return
                config = self._config
                self._loader.want(None if config.checkpoint else config.fusion, config.checkpoint)
                self._running = True
                self._begin(run)

    def stop(self, timeout_s: float = 3.0) -> bool:
        deadline_ns = now_ns() + to_ns(timeout_s)
        self._stopped.set()
        with self._lock:
            self._running = False
            ended = self._run is None or self._run.stop(deadline_ns)
            ended = self._loader.close(max(0.0, to_s(deadline_ns - now_ns()))) and ended
            if ended:
                # A thread that hangs may still be in there.
                self._engine.close()
        return ended

    def __enter__(self) -> Session:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def finished(self) -> bool:
        """Whether a media file has been played, and read, to its end."""
        run = self._run
        return run is not None and run.finished

    @property
    def model_settled(self) -> bool:
        """Whether the newest wish for a model was granted or refused."""
        return self._loader.settled.is_set()

    def snapshot(self) -> Snapshot:
        run, engine = self._run, self._engine
        active_model = engine.active_model
        common = Snapshot(
            statuses=self._statuses.all(),
            fusion=active_model.predictor.spec.fusion if active_model else "",
            baseline=engine.baseline,
            person=engine.person_name,
            calibration=engine.calibration_progress(now_ns()),
            running=self._running,
        )
        if run is None:
            return common
        take = run.take
        estimate = self._fresh(run)
        return replace(
            common,
            frame=take.frame,
            observation=take.features.newest if take.features else None,
            estimate=estimate,
            statuses=(*common.statuses, *_latency(estimate)),
            counters=replace(run.counters, estimates=engine.estimates),
            is_synthetic=take.info is not None and take.info.is_synthetic,
            ended=take.ended.is_set(),
            voice_dbfs=take.level_dbfs,
        )

    def subscribe(self, callback: Callable[[Estimate], None]) -> None:
        self._subscribers.append(callback)

    def set_source(self, source: str) -> None:
        self._switch(source, self._mic)

    def set_mic(self, mic: str) -> None:
        self._switch(self._source, mic)

    def set_fusion(self, fusion: str) -> None:
        self._loader.want(fusion, None)

    def set_checkpoint(self, path: Path) -> None:
        self._loader.want(None, path)

    def set_baseline(self, mode: str) -> None:
        _check_baseline(mode)
        self._statuses.drop("baseline")
        self._engine.baseline = mode

    def set_person(self, person: str) -> None:
        if not person.strip():
            raise EmoliveError("A person needs a name under which the baseline is kept.")
        self._engine.set_person(person.strip())

    def calibrate(self, seconds: float = 5.0) -> None:
        if seconds <= 0:
            raise EmoliveError("A calibration needs a few seconds.")
        run = self._run
        if run is None or not self._running or run.finished:
            raise EmoliveError("Nothing is playing to calibrate on: choose a camera or a file.")
        if not run.paced:
            raise EmoliveError("A file that is read as fast as it can be gives no time to calibrate.")
        self._engine.calibrate(seconds, now_ns())

    def _open(self, source: str, mic: str) -> SourceRunner:
        return SourceRunner(
            source,
            mic,
            paced=self._config.paced,
            loop=self._config.loop,
            engine=self._engine,
            publish=self._publish,
            on_status=self._statuses.put,
        )

    def _switch(self, source: str, mic: str) -> None:
        """Open the new first and only then let go of the old: what cannot be opened changes nothing."""
        with self._opening:
            run = self._open(source, mic) if self._running else None
            with self._lock:
                self._source, self._mic = source, mic
                if run is None or not self._running:
                    return
                if self._run is not None:
                    self._run.stop(now_ns() + to_ns(STOP_SOURCE_S))
                    run.before = self._run.counters
                self._begin(run)

    def _begin(self, run: SourceRunner) -> None:
        take = run.take
        for part in ("face", "voice", "camera"):
            self._statuses.drop(part)
        if take.info is None or not take.info.has_video:
            self._statuses.put(
                Status("camera", "info", "none", "There is no picture: the voice goes on alone.")
            )
        if take.mic is not None:
            self._statuses.drop("microphone")
        else:
            self._statuses.put(Status("microphone", "info", "none", run.no_sound))
        self._engine.begin(take)
        self._run = run
        if take.live or (run.paced and take.info is not None and take.info.is_synthetic):
            run.start()
        else:
            threading.Thread(target=self._start_file, args=(run,), name="emolive-start", daemon=True).start()

    def _start_file(self, run: SourceRunner) -> None:
        """A file waits until the model is there, so that nothing of it goes unread."""
        while not self._loader.settled.wait(0.1):
            if run.take.over.is_set():
                return
        with self._lock:
            if run is self._run and not run.take.over.is_set():
                run.start()

    def _publish(self, estimate: Estimate) -> None:
        for callback in self._subscribers:
            try:
                callback(estimate)
            except Exception:
                log.exception("a subscriber failed")

    def _fresh(self, run: SourceRunner) -> Estimate | None:
        """The newest estimate, unless it is old: bars must not freeze on what was."""
        estimate, active_model = self._engine.newest, self._engine.active_model
        if estimate is None or active_model is None or run.finished or not run.paced:
            return estimate
        age_s = to_s(now_ns() - estimate.t_ns)
        return estimate if age_s <= STALE_HOPS * active_model.predictor.spec.bin_s else None


def _check_baseline(mode: str) -> None:
    if mode not in MODES:
        raise EmoliveError(f"There is no baseline {mode}: known are {', '.join(MODES)}.")


def _latency(estimate: Estimate | None) -> tuple[Status, ...]:
    """How long the newest evidence took to become an estimate."""
    if estimate is None or estimate.stamps is None:
        return ()
    ms = estimate.stamps.latency_ns / 1e6
    return (Status("latency", "ok" if ms <= SLOW_MS else "warning", "measured", f"{ms:.0f} ms"),)
