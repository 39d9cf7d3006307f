"""A microphone as a source, through PortAudio."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from emolive.buffers.audio_ring import GAP_S
from emolive.capture import portaudio
from emolive.capture.base import Listener, ReconnectingSource, SourceInfo
from emolive.capture.channel_mixer import ChannelMixer
from emolive.capture.devices import Device, find_microphone, find_microphone_again
from emolive.clock import Watchdog, now_ns, to_ns
from emolive.errors import DeviceError
from emolive.types import AudioBlock

DEAD_S = 1.0
"""After this long without a block the microphone counts as lost."""
FIRST_BLOCK_S = 4.0
"""A sound server may take this long to start a stream; opening it again would begin anew."""
SILENT_S = 2.0
"""After this long of exact zeros the microphone counts as muted: a live one has noise."""
_WATCH_S = 0.1
_JITTER_NS = to_ns(GAP_S)


class MicrophoneSource(ReconnectingSource):
    """Opens a microphone, delivers mono blocks of 20 ms, and opens it again when it is lost.

    Statuses of "microphone", in addition to those of `ReconnectingSource`: silent (exact zeros). `on_audio`
    is called from PortAudio's callback: it must be quick. On a computer that is much too busy the sound
    system errs about the time and corrects it later: only then a timestamp may lie before the last one, by
    more than GAP_S, where an audio ring begins anew.

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
            # Only a missing library is final: a sound system that does not answer now may do so later.
            with suppress(DeviceError):
                portaudio.sounddevice()
            name = "The microphone"
        else:
            self._microphone = find_microphone(device)
            name = self._microphone.name
        super().__init__(SourceInfo(name=name, has_video=False, has_audio=True, live=True))
        self._finished = threading.Event()
        self._blocks, self._sound = Watchdog(_WATCH_S), Watchdog(_WATCH_S)
        """Fed by each block, and by each that is not all zeros."""
        self._stamp_ns = 0

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
            index, lambda rate_hz: self._on_block_at(listener, rate_hz), self._finished.set
        )
        try:
            return self._watch(stream)
        finally:
            portaudio.close_input(stream)

    def _on_block_at(self, listener: Listener, rate_hz: int) -> portaudio.OnBlock:
        mix = _Mixer(rate_hz)

        def on_block(data: NDArray[np.float32], age_s: float, lost_before: bool) -> None:
            t_ns = self._in_order(now_ns() - to_ns(age_s))
            self._blocks.feed()
            self._delivered += 1
            samples = mix(data.T)
            if samples.any():
                self._sound.feed()
            if not self._stopping.is_set():
                self._guarded(listener.on_audio, AudioBlock(t_ns, samples, rate_hz, lost_before))

        return on_block

    def _in_order(self, t_ns: int) -> int:
        """A timestamp that is not before the last one, unless the sound system corrects a large error."""
        if 0 <= self._stamp_ns - t_ns < _JITTER_NS:
            t_ns = self._stamp_ns + 1
        self._stamp_ns = t_ns
        return t_ns

    def _watch(self, stream: Any) -> bool:
        """Wait until the stream has died, which PortAudio does not report (True), or `stop` (False)."""
        name = self._info.name
        self._blocks.reset()
        self._sound.reset()
        delivered_before = self._delivered
        while not self._stopping.wait(_WATCH_S):
            waited_s, silence_s = self._blocks.tick(), self._sound.tick()
            patience_s = FIRST_BLOCK_S if self._delivered == delivered_before else DEAD_S
            if self._finished.is_set() or not portaudio.is_active(stream) or waited_s > patience_s:
                # At once, since closing a device that hangs takes its time.
                self._report_loss()
                return True
            if self._delivered == delivered_before:
                continue
            if silence_s > SILENT_S:
                text = f"{name} delivers only zeros: unmute it or permit it in the system's settings."
                self._report("warning", "silent", text)
            else:
                self._report("ok", "live", f"{name} is live.")
        return False


class _Mixer:
    """Mixes the channels of a microphone, whose number is known with its first block.

    What can be no sound stays so, for whoever stores it to mask and count.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._mix: ChannelMixer | None = None

    def __call__(self, channels: NDArray[np.float32]) -> NDArray[np.float32]:
        """(channels, n) → (n,)"""
        if len(channels) == 1:
            return np.array(channels[0])
        if self._mix is None:
            self._mix = ChannelMixer(len(channels), self._rate_hz)
        samples, refused = self._mix(channels)
        if refused is not None:
            samples[refused] = np.nan
        return samples
