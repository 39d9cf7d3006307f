"""A microphone as a source, through PortAudio."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emolive.capture import portaudio
from emolive.capture.base import Listener, SourceInfo
from emolive.capture.devices import find_microphone
from emolive.clock import NS_PER_S, now_ns, to_s
from emolive.errors import EmoliveError
from emolive.types import AudioBlock, Severity, Status

DEAD_S = 1.0
"""So long without a block, and the microphone counts as lost."""
SILENT_S = 2.0
"""So long exact zeros: no microphone is that quiet, but one that is muted or not permitted."""
_BACKOFF_S = (0.25, 0.5, 1.0, 2.0, 4.0)
_WATCH_S = 0.1


class MicrophoneSource:
    """Opens a microphone, delivers mono blocks of 20 ms, and opens it again when it is lost.

    Statuses of "microphone": opening, live, silent (exact zeros), missing (cannot be opened), lost
    (was live; being tried again). `on_audio` is called from PortAudio's callback: it must be quick
    and must not raise.
    """

    def __init__(self, device: str = "default") -> None:
        """`device`: an index, a name, or "default" for the system's own choice.

        EmoliveError if there is no such microphone, or no PortAudio library.
        """
        self._spec = None if device == "default" else device
        if self._spec is None:
            portaudio.sounddevice()
            name = "The microphone"
        else:
            name = find_microphone(self._spec).name
        self._info = SourceInfo(name=name, has_video=False, has_audio=True, live=True)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._finished = threading.Event()
        self._code = ""
        self._blocks = 0
        self._newest_ns = 0
        self._sound_ns = 0

    @property
    def info(self) -> SourceInfo:
        return self._info

    def start(self, listener: Listener, start_ns: int | None = None) -> None:
        """Begin to open and deliver; a source is started once."""
        if self._thread is not None:
            raise RuntimeError("a source can be started only once")
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name="emolive-microphone", daemon=True
        )
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Stop delivering at once; False if the driver blocked so long that the thread is left behind."""
        self._stop.set()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self, listener: Listener) -> None:
        self._tell(listener, "info", "opening", f"Opening {self._info.name}.")
        failures = 0
        while not self._stop.is_set():
            stream = None
            try:
                stream = self._open(listener)
                failures = 0
                self._follow(stream, listener)
            except EmoliveError as error:
                failures += 1
                if not self._blocks:
                    self._tell(listener, "error", "missing", str(error))
            finally:
                if stream is not None:
                    portaudio.close_input(stream)
            if self._blocks:
                self._tell(listener, "error", "lost", f"{self._info.name} was lost and is being tried again.")
            if not self._stop.wait(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]):
                portaudio.refresh()

    def _open(self, listener: Listener) -> Any:
        index = None if self._spec is None else find_microphone(self._spec).index
        self._finished.clear()

        def callback_at(rate_hz: int) -> Callable[..., None]:
            def callback(data: NDArray[np.float32], frames: int, times: Any, _flags: Any) -> None:
                # PortAudio's clock differs from ours from one system to the next, the age does not.
                arrived_ns = now_ns()
                age_s = times.currentTime - times.inputBufferAdcTime
                if not 0 <= age_s < 1:
                    age_s = frames / rate_hz
                self._newest_ns = arrived_ns
                self._blocks += 1
                samples = data[:, 0].copy() if data.shape[1] == 1 else data.mean(axis=1, dtype=np.float32)
                if samples.any():
                    self._sound_ns = arrived_ns
                if not self._stop.is_set():
                    listener.on_audio(AudioBlock(arrived_ns - round(age_s * NS_PER_S), samples, rate_hz))

            return callback

        return portaudio.open_input(index, callback_at, self._finished.set)

    def _follow(self, stream: Any, listener: Listener) -> None:
        """Watch an open stream until it dies, which PortAudio tells nobody, or until `stop`."""
        self._newest_ns = self._sound_ns = now_ns()
        before = self._blocks
        while not self._stop.wait(_WATCH_S):
            now = now_ns()
            waited_s = to_s(now - self._newest_ns)
            if self._finished.is_set() or not portaudio.alive(stream) or waited_s > DEAD_S:
                return
            if self._blocks == before:
                continue
            if to_s(now - self._sound_ns) > SILENT_S:
                self._tell(
                    listener,
                    "warning",
                    "silent",
                    f"{self._info.name} gives no sound at all: unmute it or permit it in the settings.",
                )
            else:
                self._tell(listener, "ok", "live", f"{self._info.name} is live.")

    def _tell(self, listener: Listener, level: Severity, code: str, text: str) -> None:
        if code != self._code and not self._stop.is_set():
            self._code = code
            listener.on_status(Status("microphone", level, code, text))
