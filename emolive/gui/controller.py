"""Creates, drives and stops the session for the window, away from the GUI thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QObject, QTimer, Signal

from emolive.errors import DeviceError, EmoliveError, MediaError
from emolive.gui.services import Services
from emolive.gui.tasks import TaskRunner
from emolive.session.config import SessionConfig
from emolive.snapshot import Snapshot
from emolive.types import Estimate

if TYPE_CHECKING:
    from emolive.playback.app_session import AppSession

log = logging.getLogger(__name__)

State = Literal["idle", "loading", "running", "failed", "closing", "closed"]
Option = Literal[
    "source", "mic", "fusion", "baseline", "person", "hop_bins", "smoothing", "device", "backend"
]

CLOSE_MARGIN_S = 0.2
"""On top of the session's own timeout when it is stopped."""


class SessionController(QObject):
    """Owns the session. To be used from the GUI thread; commands reach the session in order."""

    command_failed = Signal(str)
    """A command was refused, with the reason."""
    device_missing = Signal(str)
    """A device of the last time is not there, why; the session has started with another one."""
    closed = Signal()
    """Everything that was started has ended, or its time was up."""

    def __init__(
        self,
        services: Services,
        config: SessionConfig,
        on_estimate: Callable[[Estimate], None] | None = None,
        remembered: Collection[str] = (),
    ) -> None:
        """`on_estimate` is called with each estimate, in a thread of its own; the first start may do without
        the devices of the fields in `remembered`."""
        super().__init__()
        self._services = services
        self.config = config
        self.source_in_use = ""
        """What the session has opened; `config.source` may be on its way still. Empty before the start."""
        self._accepted: dict[Option, str | int] = {}
        """What a refused command goes back to: the newest value that the session has taken."""
        self._started_with = config
        self._on_estimate = on_estimate
        self._remembered = frozenset(remembered) & {"source", "mic"}
        self._replaced: tuple[Option, ...] = ()
        """Fields of the config whose device was missing at the start, and why."""
        self._missing = ""
        self._tasks = TaskRunner("emolive-gui-session")
        self._stop_task = TaskRunner("emolive-gui-stop")
        self._lock = threading.Lock()
        self._session: AppSession | None = None
        self._closing = threading.Event()
        self._deadline = QTimer(self)
        self._deadline.setSingleShot(True)
        self._deadline.timeout.connect(self._give_up)
        self.state: State = "idle"
        self.error = ""
        """Why the session did not start, while `state` is "failed"."""
        self.source_failed = False
        """Whether it did not start because of its camera, microphone, stream or file."""

    def start(self) -> None:
        """Create and start the session; also after a failure, to try again."""
        if self.state in ("idle", "failed"):
            self.state = "loading"
            self.error = ""
            self._tasks.submit(self._create_session, self._on_created, self._on_create_failed)

    def snapshot(self) -> Snapshot | None:
        """The session's snapshot; None while no session runs."""
        session = self._session
        return session.snapshot() if session is not None and self.state == "running" else None

    @property
    def model_settled(self) -> bool:
        """Whether a model was loaded, or could not be."""
        if self.state in ("idle", "loading"):
            return False
        snapshot = self.snapshot()
        return snapshot is None or ("model", "loading") not in ((s.source, s.code) for s in snapshot.statuses)

    def submit(
        self,
        command: Callable[[AppSession], object],
        on_done: Callable[[], None] | None = None,
        on_refused: Callable[[], None] | None = None,
    ) -> None:
        """Call `command` with the session in the background: after it has loaded; without one, never.

        A command that depends on the state of the session asks it for its snapshot then: commands that were
        given before may not have been carried out when this one is given.

        Args:
            command: called with the session.
            on_done: called when the command was carried out.
            on_refused: called if the command raised an error, before `command_failed`.
        """

        def run() -> None:
            if (session := self._session) is not None:
                command(session)

        def on_error(sentence: str) -> None:
            if on_refused is not None:
                on_refused()
            self.command_failed.emit(sentence)

        if self.state in ("loading", "running"):
            self._tasks.submit(run, None if on_done is None else lambda _: on_done(), on_error)

    def set_option(self, name: Option, value: str | int) -> None:
        """Change one field of the config in the running session; after a failed start, start with it."""
        self._accepted.setdefault(name, getattr(self.config, name))
        self._set_config(name, value)

        def change(session: AppSession) -> None:
            result = getattr(session, f"set_{name}")(value)
            if isinstance(result, Future):
                result.result()

        self.submit(
            change,
            on_done=lambda: self._accept(name, value),
            on_refused=lambda: self._restore(name, value),
        )
        if self.state == "failed":
            self.start()

    def load_checkpoint(self, path: Path) -> None:
        """Answer with the model in `path`; after a failed start, start with it."""
        self.submit(lambda session: session.set_checkpoint(path))
        if self.state == "failed":
            self.config = replace(self.config, checkpoint=path)
            self.start()

    def close(self, timeout_s: float) -> None:
        """Stop the session; `closed` is emitted at its end, or after `timeout_s` and a little more."""
        if self.state in ("closing", "closed"):
            return
        self.state = "closing"
        self._tasks.close()
        with self._lock:
            self._closing.set()
            session, self._session = self._session, None

        def stop() -> None:
            if session is not None:
                session.stop(timeout_s)
            self._tasks.join()

        self._stop_task.submit(stop, lambda _: self._finish(), lambda _: self._finish())
        self._deadline.start(round(1000 * (timeout_s + CLOSE_MARGIN_S)))

    def _give_up(self) -> None:
        log.warning("The session did not stop in time.")
        self._finish()

    def _finish(self) -> None:
        if self.state != "closed":
            self.state = "closed"
            self._deadline.stop()
            self._stop_task.close()
            self.closed.emit()

    def _create_session(self) -> None:
        """In the background thread. A session that is ready only after `close` is stopped again."""
        if self._closing.is_set():
            return
        try:
            session = self._start_with_devices()
        except EmoliveError as error:
            self.source_failed = isinstance(error, DeviceError | MediaError)
            raise
        with self._lock:
            late = self._closing.is_set()
            if not late:
                self._session = session
        if late:
            session.stop()

    def _start_with_devices(self) -> AppSession:
        """Start with the devices of the last time, as far as they are connected."""
        missing: DeviceError | None = None
        for replaced in _replacements(self._remembered):
            try:
                changes: dict[str, Any] = dict.fromkeys(replaced, "auto")
                self._started_with = replace(self.config, **changes)
                session = self._start_session(self._started_with)
            except DeviceError as error:
                missing = missing or error
            else:
                self._replaced = replaced
                self._missing = "" if missing is None else str(missing)
                return session
        assert missing is not None
        raise missing

    def _start_session(self, config: SessionConfig) -> AppSession:
        session = self._services.session(config)
        try:
            if self._on_estimate is not None:
                session.subscribe(self._on_estimate)
            session.start()
        except BaseException:
            session.stop()
            raise
        return session

    def _on_created(self, _: None) -> None:
        if self.state == "loading":
            self.state = "running"
        replaced, self._replaced, self._remembered = self._replaced, (), frozenset()
        for name in replaced:
            self._set_config(name, "auto")
        self.source_in_use = self._started_with.source
        # Choices made meanwhile are commands behind the start.
        self._accepted = {name: getattr(self._started_with, name) for name in self._accepted}
        if replaced:
            self.device_missing.emit(self._missing)

    def _on_create_failed(self, sentence: str) -> None:
        self.state = "failed"
        self.error = sentence

    def _accept(self, name: Option, value: str | int) -> None:
        self._accepted[name] = value
        if name == "source":
            self.source_in_use = str(value)

    def _restore(self, name: Option, value: str | int) -> None:
        if getattr(self.config, name) == value:
            self._set_config(name, self._accepted[name])

    def _set_config(self, name: Option, value: str | int) -> None:
        changes: dict[str, Any] = {name: value}
        self.config = replace(self.config, **changes)


def _replacements(remembered: Collection[str]) -> Iterator[tuple[Option, ...]]:
    """What may be replaced at the start, the least first: nothing, one of the remembered devices, both."""
    yield ()
    choices: tuple[tuple[Option, ...], ...] = (("mic",), ("source",), ("source", "mic"))
    yield from (names for names in choices if set(names) <= set(remembered))
