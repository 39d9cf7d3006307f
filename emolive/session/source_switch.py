"""Opens sources in a thread of its own; a new stream takes the place of the old one once it is open."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from emolive.clock import now_ns, to_ns
from emolive.errors import ConfigError, DeviceError, EmoliveError
from emolive.faults import log_fault, one_line
from emolive.session.config import SessionConfig
from emolive.session.stream import Stream
from emolive.session.stream_opening import open_stream

log = logging.getLogger(__name__)

STOP_SOURCE_S = 1.5
"""How long a change of the source waits for the old one to stop."""


class SourceSwitch:
    """Owns the stream of a session, and what of its config names the source.

    Args:
        config: the initial settings.
        window_s: returns the length of the model's window.
        on_begin: called with a stream that takes the place of the one before, before it is started.
        when_models_settle: calls a function once no model is being loaded.
    """

    def __init__(
        self,
        config: SessionConfig,
        *,
        window_s: Callable[[], float],
        on_begin: Callable[[Stream], None],
        when_models_settle: Callable[[Callable[[], None]], None],
    ) -> None:
        self.config = config
        """With the source and the microphone in use."""
        self.lock = threading.RLock()
        """Held while a stream is replaced; no frame and no estimate waits for it."""
        self.stream: Stream | None = None
        self._window_s, self._on_begin = window_s, on_begin
        self._when_models_settle = when_models_settle
        self._opener = ThreadPoolExecutor(1, "emolive-open")

    def submit(self, function: Callable[[], None]) -> Future[None]:
        """Run a change of the source in the opener's thread, in the order of the calls.

        Raises:
            ConfigError: it was closed.
        """
        try:
            return self._opener.submit(partial(_call, function))
        except RuntimeError:
            raise ConfigError("This session has been stopped: create another one.") from None

    def close(self) -> None:
        """Accept no more changes."""
        self._opener.shutdown(wait=False, cancel_futures=True)

    def open(self, source: str, mic: str) -> Stream:
        """Open a source and a microphone. To be called in the opener's thread.

        Raises:
            EmoliveError: they cannot be opened.
        """
        config = self.config
        stream = open_stream(
            source,
            mic,
            paced=config.paced,
            loop=config.loop,
            window_s=self._window_s(),
            track=config.track,
        )
        stream.av_offset_ns = round(config.av_offset_ms * 1e6)
        return stream

    def begin(self, stream: Stream) -> None:
        """Put an open stream in the place of the present one and start it. Under the lock."""
        self._on_begin(stream)
        self.stream = stream
        if stream.is_live or (stream.realtime and stream.is_synthetic):
            stream.start()
        else:
            # A file waits for the model, so that it is analysed from its beginning.
            self._when_models_settle(partial(self._start, stream))

    def change(
        self, is_running: Callable[[], bool], *, source: str | None = None, mic: str | None = None
    ) -> None:
        """Open the new stream before the old one is stopped: a failure changes nothing.

        Args:
            is_running: whether the session runs; before, only the config changes.
            source, mic: what is opened; None for the same as before.
        """
        changed = replace(
            self.config,
            source=self.config.source if source is None else source,
            mic=self.config.mic if mic is None else mic,
        )
        # What stays is opened again as the same device: its index may be another one's by now.
        current = self.stream
        lasting_source = current.lasting_source if source is None and current is not None else ""
        lasting_mic = current.lasting_mic if mic is None and current is not None else ""
        stream = None
        if is_running():
            stream = self.open(lasting_source or changed.source, lasting_mic or changed.mic)
            if lasting_source and current is not None:
                stream.source = current.source
        with self.lock:
            self.config = replace(self.config, source=changed.source, mic=changed.mic)
            if stream is None or not is_running():
                return
            if self.stream is not None:
                self.stream.stop(now_ns() + to_ns(STOP_SOURCE_S))
                stream.previous = self.stream.counters
            self.begin(stream)

    def _start(self, stream: Stream) -> None:
        with self.lock:
            if stream is self.stream and not stream.cancelled.is_set():
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
