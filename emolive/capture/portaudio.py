"""PortAudio, imported late and guarded by one lock: its device list is global to the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

from emolive.errors import DeviceError, MissingDependencyError

RATE_HZ = 48_000
"""The native rate of most sound cards, which needs no resampling."""
BLOCK_S = 0.02

_lock = threading.RLock()
_open_streams: set[int] = set()


def sounddevice() -> ModuleType:
    """The sounddevice module.

    Raises:
        MissingDependencyError: the PortAudio library is not installed.
    """
    try:
        import sounddevice as module
    except OSError as error:
        raise MissingDependencyError(
            "Sound cannot be recorded because the PortAudio library is missing: install libportaudio2."
        ) from error
    return module  # type: ignore[no-any-return]


def refresh() -> bool:
    """Update PortAudio's list of devices.

    PortAudio lists devices once, when it is initialised, and initialising it again ends all its streams.

    Returns:
        False if nothing was done because a microphone is open, or because it failed.
    """
    module = sounddevice()
    with _lock:
        if _open_streams:
            return False
        try:
            if module._initialized:
                module._terminate()
            module._initialize()
        except module.PortAudioError:
            return False
        return True


def devices() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All audio devices and all host APIs as PortAudio describes them; empty if there are none."""
    module = sounddevice()
    with _lock:
        try:
            return list(module.query_devices()), list(module.query_hostapis())
        except module.PortAudioError:
            return [], []


def open_input(
    device: int | None, callback_at: Callable[[int], Callable[..., None]], finished: Callable[[], None]
) -> Any:
    """Open and start a float32 input of 20 ms blocks at 48 kHz mono, or the nearest supported format.

    Args:
        device: PortAudio's index, or None for the system's default.
        callback_at: makes the stream's callback for a rate in Hz; the callback gets blocks (n, 1 or 2).
        finished: called when the stream has ended.

    Raises:
        DeviceError: it cannot be opened.
    """
    module = sounddevice()
    with _lock:
        try:
            info = module.query_devices(device, "input")
            rates = dict.fromkeys([RATE_HZ, round(info["default_samplerate"])])
            # Some drivers offer a microphone only as a pair of channels.
            tries = [(rate, n) for n in (1, min(2, info["max_input_channels"])) for rate in rates]
            reason: Exception | None = None
            for rate_hz, channels in dict.fromkeys(tries):
                try:
                    stream = module.InputStream(
                        device=device,
                        samplerate=rate_hz,
                        blocksize=round(rate_hz * BLOCK_S),
                        channels=channels,
                        dtype="float32",
                        callback=callback_at(rate_hz),
                        finished_callback=finished,
                    )
                except module.PortAudioError as error:
                    reason = error
                    continue
                _open_streams.add(id(stream))
                try:
                    stream.start()
                except module.PortAudioError:
                    close_input(stream)
                    raise
                return stream
        except (module.PortAudioError, ValueError) as error:
            reason = error
    raise DeviceError(
        f"The microphone cannot be opened: check that it is connected and permitted ({reason})."
    ) from reason


def open_output(rate_hz: int, callback: Callable[..., None]) -> Any:
    """Open and start a float32 mono output on the default device; `close_input` closes it too.

    Args:
        rate_hz: of the samples; the system resamples where the card needs another one.
        callback: PortAudio's; fills blocks (n, 1).

    Raises:
        DeviceError: there is no loudspeaker, or it cannot be opened.
    """
    module = sounddevice()
    with _lock:
        try:
            stream = module.OutputStream(
                samplerate=rate_hz, channels=1, dtype="float32", latency="high", callback=callback
            )
            _open_streams.add(id(stream))
            try:
                stream.start()
            except module.PortAudioError:
                close_input(stream)
                raise
        except (module.PortAudioError, ValueError) as error:
            raise DeviceError(f"There is no loudspeaker that can be opened ({error}).") from error
        return stream


def is_active(stream: Any) -> bool:
    """Whether PortAudio still serves an open stream."""
    try:
        return bool(stream.active)
    except sounddevice().PortAudioError:
        return False


def close_input(stream: Any) -> None:
    """Abort and close a stream in any state."""
    module = sounddevice()
    with _lock:
        _open_streams.discard(id(stream))
        try:
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)
        except module.PortAudioError:
            # The device is gone already.
            return
