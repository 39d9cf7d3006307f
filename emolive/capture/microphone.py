"""A microphone as a source, through PortAudio."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from emolive.capture import portaudio
from emolive.capture.base import Listener, ReconnectingSource, SourceInfo
from emolive.capture.devices import Device, find_microphone, find_microphone_again
from emolive.clock import NS_PER_S, now_ns, to_s
from emolive.types import AudioBlock

DEAD_S = 1.0
"""After this long without a block the microphone counts as lost."""
SILENT_S = 2.0
"""After this long of exact zeros the microphone counts as muted: a live one has noise."""
_WATCH_S = 0.1


class MicrophoneSource(ReconnectingSource):
    """Opens a microphone, delivers mono blocks of 20 ms, and opens it again when it is lost.

    Statuses of "microphone", in addition to those of `ReconnectingSource`: silent (exact zeros). `on_audio`
    is called from PortAudio's callback: it must be quick and must not raise.

    Args:
        device: an index, a name, or "default" for the system's own choice.

    Raises:
        DeviceError: there is no such microphone.
        MissingDependencyError: the PortAudio library is not installed.
    """

    status_source: ClassVar[Literal["camera", "microphone"]] = "microphone"

    def __init__(self, device: str = "default") -> None:
        self._microphone: Device | None = None
        if device == "default":
            portaudio.sounddevice()
            name = "The microphone"
        else:
            self._microphone = find_microphone(device)
            name = self._microphone.name
        super().__init__(SourceInfo(name=name, has_video=False, has_audio=True, live=True))
        self._finished = threading.Event()
        self._newest_ns = 0
        self._nonzero_ns = 0

    @property
    def lasting_text(self) -> str:
        """A microphone string for the same one, whatever its index is by then; "" for the default."""
        return "" if self._microphone is None else f"microphone:{self._microphone.lasting_text}"

    def _before_retry(self) -> None:
        portaudio.refresh()

    def _deliver(self, listener: Listener) -> bool:
        index = None if self._microphone is None else find_microphone_again(self._microphone).index
        self._finished.clear()
        stream = portaudio.open_input(
            index, lambda rate_hz: self._callback(listener, rate_hz), self._finished.set
        )
        try:
            return self._watch(stream)
        finally:
            portaudio.close_input(stream)

    def _callback(self, listener: Listener, rate_hz: int) -> Callable[..., None]:
        def callback(data: NDArray[np.float32], frames: int, times: Any, _flags: Any) -> None:
            # The epoch of PortAudio's clock differs between systems; the age of a block does not depend on
            # it.
            arrived_ns = now_ns()
            age_s = times.currentTime - times.inputBufferAdcTime
            if not 0 <= age_s < 1:
                age_s = frames / rate_hz
            self._newest_ns = arrived_ns
            self._delivered += 1
            samples = data[:, 0].copy() if data.shape[1] == 1 else data.mean(axis=1, dtype=np.float32)
            if samples.any():
                self._nonzero_ns = arrived_ns
            if not self._stopping.is_set():
                listener.on_audio(AudioBlock(arrived_ns - round(age_s * NS_PER_S), samples, rate_hz))

        return callback

    def _watch(self, stream: Any) -> bool:
        """Wait until the stream has died, which PortAudio does not report (True), or `stop` (False)."""
        name = self._info.name
        self._newest_ns = self._nonzero_ns = now_ns()
        delivered_before = self._delivered
        while not self._stopping.wait(_WATCH_S):
            now = now_ns()
            silence_s, waited_s = to_s(now - self._nonzero_ns), to_s(now - self._newest_ns)
            if self._finished.is_set() or not portaudio.is_active(stream) or waited_s > DEAD_S:
                return True
            if self._delivered == delivered_before:
                continue
            if silence_s > SILENT_S:
                text = f"{name} delivers only zeros: unmute it or permit it in the system's settings."
                self._report("warning", "silent", text)
            else:
                self._report("ok", "live", f"{name} is live.")
        return False
