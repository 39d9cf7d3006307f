"""One device, opened beside the session, to look at or to listen to before it is chosen. No Qt."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from emolive.audio.levels import SILENCE_DBFS, rms_dbfs
from emolive.capture.base import Source
from emolive.errors import EmoliveError
from emolive.gui.device_names import DeviceKind
from emolive.types import AudioBlock, Frame, Status

log = logging.getLogger(__name__)

STOP_S = 1.0
"""How long a device may take to be released."""

OpenDevice = Callable[[DeviceKind, str], Source]
"""Makes the source of a device, not started."""


class DevicePreview:
    """At most one device at a time; the newest choice wins. Devices are opened in a thread of its own.

    Args:
        name: of that thread.
        open_device: makes the source of a device.
    """

    def __init__(self, name: str, open_device: OpenDevice) -> None:
        self._open_device = open_device
        self._executor = ThreadPoolExecutor(1, name)
        self._lock = threading.Lock()
        self._wanted: tuple[DeviceKind, str] | None = None
        self._source: Source | None = None
        """Of the executor's thread."""
        self._listener = PreviewListener()

    @property
    def frame(self) -> Frame | None:
        """The newest picture of the device."""
        return self._listener.frame

    @property
    def level_dbfs(self) -> float:
        """The newest level of the device."""
        return self._listener.level_dbfs

    @property
    def problem(self) -> str:
        """Why nothing comes, in a sentence."""
        return self._listener.problem

    def show(self, kind: DeviceKind, value: str) -> None:
        """Open this device; the one before is released."""
        with self._lock:
            if self._wanted == (kind, value):
                return
            self._wanted = (kind, value)
            self._listener = listener = PreviewListener()
        self._submit(lambda: self._begin(kind, value, listener))

    def stop(self, on_stopped: Callable[[], None] | None = None) -> None:
        """Release the device; `on_stopped` is called from another thread when that is done."""
        with self._lock:
            if self._wanted is None and on_stopped is None:
                return
            self._wanted, self._listener = None, PreviewListener()

        def end() -> None:
            self._end()
            if on_stopped is not None:
                on_stopped()

        self._submit(end)

    def close(self) -> None:
        """Release the device and open none again. Returns at once."""
        self.stop()
        self._executor.shutdown(wait=False)

    def _submit(self, work: Callable[[], None]) -> None:
        try:
            self._executor.submit(work)
        except RuntimeError:
            log.debug("the preview is closed")

    def _begin(self, kind: DeviceKind, value: str, listener: PreviewListener) -> None:
        self._end()
        if listener is not self._listener:
            return
        try:
            self._source = self._open_device(kind, value)
            self._source.start(listener)
        except EmoliveError as error:
            listener.problem = str(error)
        except Exception:
            log.exception("a device could not be shown")
            listener.problem = f"{value} cannot be opened."

    def _end(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.stop(STOP_S)


class PreviewListener:
    """Keeps the newest of what a source delivers."""

    def __init__(self) -> None:
        self.frame: Frame | None = None
        self.level_dbfs = SILENCE_DBFS
        self.problem = ""

    def on_frame(self, frame: Frame) -> None:
        self.frame, self.problem = frame, ""

    def on_audio(self, block: AudioBlock) -> None:
        self.level_dbfs, self.problem = rms_dbfs(block.samples), ""

    def on_status(self, status: Status) -> None:
        if status.level in ("warning", "error"):
            self.problem = status.text

    def on_end(self) -> None: ...
