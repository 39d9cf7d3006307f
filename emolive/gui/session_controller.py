"""The window's end of the session: built, driven and stopped away from the window's thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from emolive.gui.task_queue import SerialTaskQueue
from emolive.session.config import SessionConfig, SessionProtocol
from emolive.types import Estimate, Snapshot

log = logging.getLogger(__name__)

State = Literal["idle", "loading", "running", "failed", "closing", "closed"]


class Device(Protocol):
    """What the window needs to know of a camera or microphone."""

    @property
    def index(self) -> int: ...

    @property
    def name(self) -> str: ...

    @property
    def default(self) -> bool: ...


def _session(config: SessionConfig) -> SessionProtocol:
    from emolive.session.session import Session

    return Session(config)


def _fusions() -> Mapping[str, str]:
    from emolive.plugins import FUSIONS

    return FUSIONS.titles()


def _cameras() -> Sequence[Device]:
    from emolive.capture.devices import cameras

    return tuple(cameras())


def _microphones() -> Sequence[Device]:
    from emolive.capture.devices import microphones

    return tuple(microphones(refresh=True))


def _with(config: SessionConfig, name: str, value: str) -> SessionConfig:
    changes: dict[str, Any] = {name: value}
    return replace(config, **changes)


@dataclass(frozen=True, slots=True)
class Backend:
    """Where the window gets everything that is not painting. All but `fusions` may take seconds."""

    session: Callable[[SessionConfig], SessionProtocol] = _session
    fusions: Callable[[], Mapping[str, str]] = _fusions
    """Names and titles."""
    cameras: Callable[[], Sequence[Device]] = _cameras
    microphones: Callable[[], Sequence[Device]] = _microphones


class SessionController:
    """Builds the session in the background, passes commands on in order, and lets go of it in time."""

    def __init__(
        self,
        backend: Backend,
        config: SessionConfig,
        on_refused: Callable[[str], None],
        on_estimate: Callable[[Estimate], None] | None = None,
    ) -> None:
        self._backend = backend
        self.config = config
        self._on_refused = on_refused
        self._on_estimate = on_estimate
        self._lane = SerialTaskQueue("emolive-gui-session")
        self._lock = threading.Lock()
        self._session: SessionProtocol | None = None
        self._closing = threading.Event()
        self._stopper: threading.Thread | None = None
        self.state: State = "idle"
        self.error = ""
        """Why the session did not start, while `state` is "failed"."""

    def start(self) -> None:
        """Build and start the session; also after a failure, to try again."""
        if self.state in ("idle", "failed"):
            self.state = "loading"
            self.error = ""
            self._lane.submit(self._build, self._ready, self._failed)

    def deliver(self) -> None:
        """Hand over what happened in the background; call often, from the window's thread."""
        self._lane.deliver()

    def snapshot(self) -> Snapshot | None:
        """What there is to paint; None until the session runs."""
        session = self._session
        return session.snapshot() if session is not None and self.state == "running" else None

    @property
    def settled(self) -> bool:
        """Whether a model answers, or it is known why none does."""
        if self.state in ("idle", "loading"):
            return False
        snapshot = self.snapshot()
        return snapshot is None or ("model", "loading") not in ((s.source, s.code) for s in snapshot.statuses)

    def call(
        self, command: Callable[[SessionProtocol], None], refused: Callable[[], None] | None = None
    ) -> None:
        """Send a command; while the session loads it waits, without a session it is dropped."""

        def send() -> None:
            if (session := self._session) is not None:
                command(session)

        def failed(sentence: str) -> None:
            if refused is not None:
                refused()
            self._on_refused(sentence)

        if self.state in ("loading", "running"):
            self._lane.submit(send, failed=failed)

    def choose(self, name: str, value: str) -> None:
        """Set the config's field `name` in the session; where it failed to start, try again with it."""
        previous: str = getattr(self.config, name)
        self.config = _with(self.config, name, value)
        setters: dict[str, Callable[[SessionProtocol], None]] = {
            "source": lambda session: session.set_source(value),
            "mic": lambda session: session.set_mic(value),
            "fusion": lambda session: session.set_fusion(value),
            "baseline": lambda session: session.set_baseline(value),
            "person": lambda session: session.set_person(value),
        }
        self.call(setters[name], refused=lambda: self._revert(name, value, previous))
        if self.state == "failed":
            self.start()

    def load_checkpoint(self, path: Path) -> None:
        """Answer with the model in `path`."""
        self.call(lambda session: session.set_checkpoint(path))
        if self.state == "failed":
            self.config = replace(self.config, checkpoint=path)
            self.start()

    def close(self, timeout_s: float) -> None:
        """Begin to stop the session; ask `closed` whether it has ended."""
        if self.state in ("closing", "closed"):
            return
        self.state = "closing"
        with self._lock:
            self._closing.set()
            session, self._session = self._session, None
        self._lane.close()
        if session is not None:
            self._stopper = threading.Thread(
                target=session.stop, args=(timeout_s,), name="emolive-gui-stop", daemon=True
            )
            self._stopper.start()

    @property
    def closed(self) -> bool:
        """Whether everything that was started has ended."""
        stopping = self._stopper is not None and self._stopper.is_alive()
        if self.state == "closing" and not stopping and not self._lane.alive:
            self.state = "closed"
        return self.state == "closed"

    def _build(self) -> None:
        if self._closing.is_set():
            return
        session = self._backend.session(self.config)
        try:
            if self._on_estimate is not None:
                session.subscribe(self._on_estimate)
            session.start()
        except BaseException:
            session.stop()
            raise
        with self._lock:
            late = self._closing.is_set()
            if not late:
                self._session = session
        if late:
            session.stop()

    def _revert(self, name: str, value: str, previous: str) -> None:
        if getattr(self.config, name) == value:
            self.config = _with(self.config, name, previous)

    def _ready(self, _: None) -> None:
        if self.state == "loading":
            self.state = "running"

    def _failed(self, sentence: str) -> None:
        self.state = "failed"
        self.error = sentence
