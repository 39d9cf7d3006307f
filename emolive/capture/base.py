"""The interface of sources of video and audio, and a base class for those that run a thread."""

from __future__ import annotations

import itertools
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, Self, TypeVar

from emolive.capture.source_spec import SourceSpec
from emolive.clock import now_ns, seconds_until, to_ns, to_s
from emolive.errors import EmoliveError, RefusedError
from emolive.faults import log_fault, one_line
from emolive.supervision import BACKOFF_S, Supervised
from emolive.types import AudioBlock, Frame, Severity, Status

log = logging.getLogger(__name__)

LOSSES = frozenset({"missing", "lost"})
"""Codes of devices that are not there."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source delivers; available before it starts."""

    name: str
    """For people, without passwords: "Logitech C920", "clip.mp4", "Drawn demo"."""
    has_video: bool
    has_audio: bool
    live: bool
    """True for a device or stream; False for what could be delivered faster than the clock."""
    is_synthetic: bool = False
    """The images are generated and must be labelled as such."""
    duration_s: float | None = None


class Listener(Protocol):
    """Where a source delivers, called from the source's own threads.

    `on_frame` and `on_audio` return fast for a live source. For one that is not paced they may wait, which is
    how a slow reader holds a file back.
    """

    def on_frame(self, frame: Frame) -> None: ...

    def on_audio(self, block: AudioBlock) -> None: ...

    def on_status(self, status: Status) -> None: ...

    def on_end(self) -> None:
        """The source has delivered everything. Called once, after the last frame and block."""


class Source(Protocol):
    """A camera, a microphone, a media file, the demo or a plug-in, which runs its own threads.

    A source is started once. It never raises after `start` returned: a fault is a `Status`, and a device that
    was lost is opened again until `stop`. Timestamps of each stream increase.
    """

    @classmethod
    def from_spec(cls, spec: SourceSpec, *, paced: bool, loop: bool) -> Self:
        """Create the source for a spec, not started.

        Args:
            spec: what to open; `spec.value` is the part that concerns the class.
            paced: deliver in real time; False: as fast as the listener accepts. Live sources ignore it.
            loop: play again at the end. Live sources ignore it.

        Raises:
            EmoliveError: a check without opening it shows that it cannot be opened.
        """

    @property
    def info(self) -> SourceInfo: ...

    def start(self, listener: Listener, start_ns: int | None = None) -> None:
        """Start to deliver; returns at once, the device is opened in the source's thread.

        Args:
            listener: where to deliver.
            start_ns: a source that is not live stamps this (by default now) plus the time in it; a live one
                stamps with the time of capture.

        Raises:
            RuntimeError: it was started before.
        """

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Stop delivering and release the device; may be called at any time and again.

        Returns:
            False if a thread did not end in time; it is a daemon.
        """


class ThreadedSource(ABC):
    """A source that delivers from a thread: start, stop and statuses. Subclasses implement `_run`.

    Example:
        class Still(ThreadedSource):
            def _run(self, listener, start_ns):
                for index in itertools.count():
                    t_ns = start_ns + index * 40_000_000
                    if not self._wait_until(t_ns):
                        return
                    listener.on_frame(Frame(t_ns, self.image, index))
    """

    status_source: ClassVar[Literal["camera", "microphone"]] = "camera"
    """Which status the source reports under."""

    def __init__(self, info: SourceInfo) -> None:
        self._info = info
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener: Listener | None = None
        self._report_lock = threading.Lock()
        self._reported = "", ""

    @classmethod
    def from_spec(cls, spec: SourceSpec, *, paced: bool, loop: bool) -> Self:
        """As `Source.from_spec`; by default the class is called with `spec.value`."""
        del paced, loop
        return cls(spec.value)  # type: ignore[arg-type]

    @property
    def info(self) -> SourceInfo:
        return self._info

    def start(self, listener: Listener, start_ns: int | None = None) -> None:
        """As `Source.start`."""
        if self._listener is not None:
            raise RuntimeError("A source can be started only once.")
        self._listener = listener
        start_ns = now_ns() if start_ns is None else start_ns
        self._start_thread(lambda: self._run_safely(listener, start_ns), f"emolive-{self.status_source}")

    def stop(self, timeout_s: float = 2.0) -> bool:
        """As `Source.stop`."""
        self._stopping.set()
        deadline_ns = now_ns() + to_ns(timeout_s)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(seconds_until(deadline_ns))
        return not any(t.is_alive() for t in self._threads if t is not threading.current_thread())

    @abstractmethod
    def _run(self, listener: Listener, start_ns: int) -> None:
        """Deliver until the end or until `_stopping` is set; runs in the source's thread."""

    def _start_thread(self, target: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _start_watch(self, watch: Callable[[], None], name: str) -> None:
        """Run what watches the source, until `_stopping` is set; if it fails, it is started again."""
        self._start_thread(Supervised(name, watch, self._stopping).run, name)

    def _can_restart(self) -> bool:
        """Whether `_run` may be called again, with the time of then, after it failed unexpectedly."""
        return False

    def _run_safely(self, listener: Listener, start_ns: int) -> None:
        """Run the source; an error is reported as a status, and ends it if it cannot be run again."""
        if not self._can_restart():
            self._run_once(listener, start_ns)
            return
        starts = itertools.chain([start_ns], iter(now_ns, None))
        Supervised(
            self._info.name,
            lambda: self._run(listener, next(starts)),
            self._stopping,
            lambda error, _: self._report("error", "failed", f"{self._info.name} failed: {one_line(error)}."),
        ).run()

    def _run_once(self, listener: Listener, start_ns: int) -> None:
        try:
            self._run(listener, start_ns)
        except EmoliveError as error:
            self._report("error", "failed", str(error))
        except Exception as error:
            log_fault(log, f"{self._info.name} failed", error)
            self._report("error", "failed", f"{self._info.name} failed and has ended: {one_line(error)}.")
        else:
            return
        if not self._stopping.is_set():
            listener.on_end()

    def _guarded(self, deliver: Callable[[T], None], item: T) -> None:
        """Deliver from a thread that must not end; what the listener raises is logged."""
        try:
            deliver(item)
        except Exception as error:
            log_fault(log, f"what {self._info.name} delivered could not be taken", error)

    def _wait_until(self, t_ns: int) -> bool:
        """Wait until the clock shows `t_ns`; False if the source is being stopped."""
        wait_ns = t_ns - now_ns()
        return not (self._stopping.wait(to_s(wait_ns)) if wait_ns > 0 else self._stopping.is_set())

    def _report(self, level: Severity, code: str, text: str) -> None:
        """Report a status unless it is the one reported last or the source is being stopped.

        Of a loss another reason is news; of anything else the code says all.
        """
        news = code, text if code in LOSSES else ""
        with self._report_lock:
            if news == self._reported or self._stopping.is_set() or self._listener is None:
                return
            self._reported = news
            self._listener.on_status(Status(self.status_source, level, code, text))


class ReconnectingSource(ThreadedSource):
    """A device or stream that is opened again whenever it is lost, with growing pauses.

    Statuses: opening, live, missing (never delivered anything), lost (delivered before), and those of the
    subclass.
    """

    def __init__(self, info: SourceInfo) -> None:
        super().__init__(info)
        self._delivered = 0
        """Frames or blocks so far."""

    @abstractmethod
    def _deliver(self, listener: Listener) -> bool:
        """Open the device and deliver until it is lost or `_stopping` is set, then release it.

        Returns:
            Whether it was lost; False if it only has to be opened again.

        Raises:
            EmoliveError: it cannot be opened.
        """

    def _before_retry(self) -> None:
        """Called before each further attempt."""

    def _report_loss(self, reason: str = "", *, refused: bool = False) -> None:
        """Report that the device is gone.

        Args:
            reason: why it cannot be opened.
            refused: it is there and refuses.
        """
        name = self._info.name
        if refused and self._delivered:
            self._report("error", "lost", reason)
        elif self._delivered == 0:
            reason = reason or f"{name} delivers nothing: check that it is connected."
            self._report("error", "missing", reason)
        else:
            self._report("error", "lost", f"{name} was lost and is being opened again.")

    def _run(self, listener: Listener, start_ns: int) -> None:
        name = self._info.name
        self._report("info", "opening", f"Opening {name}.")
        failures = 0
        while not self._stopping.is_set():
            delivered_before = self._delivered
            lost, refused = True, False
            reason = f"{name} cannot be opened: check that it is connected and not in use."
            try:
                lost = self._deliver(listener)
            except EmoliveError as error:
                reason, refused = str(error), isinstance(error, RefusedError)
            except Exception as error:
                log_fault(log, f"{name} failed and is opened again", error)
                reason = f"{name} failed and is opened again: {one_line(error)}."
            if lost:
                self._report_loss(reason, refused=refused)
            failures = 0 if self._delivered > delivered_before else failures + 1
            if not self._stopping.wait(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]):
                self._before_retry()
