"""PortAudio, imported late and called from one thread: its device list is global to the process, and a sound
server that hangs lets no call return."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

from emolive._compat.alsa import silence_alsa
from emolive._compat.c_stderr import silence_stderr_of
from emolive.capture.native_thread import NativeThread
from emolive.errors import DeviceError, EmoliveError, MissingDependencyError

RATE_HZ = 48_000
"""The native rate of most sound cards, which needs no resampling."""
BLOCK_S = 0.02
MAX_CHANNELS = 16
OPEN_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 0.7
NO_ANSWER = "The sound system does not answer: restart its server or this computer."

OnBlock = Callable[[NDArray[Any], float, bool], None]
"""Gets a block (n, channels) of float32, its age in seconds since its first sample was captured, and whether
sound before it was lost."""

_thread = NativeThread("emolive-portaudio", NO_ANSWER)
_open_streams: dict[int, Any] = {}
"""Streams until they are closed: PortAudio may call back into one as long as it is not."""


@lru_cache(maxsize=1)
def sounddevice() -> ModuleType:
    """The sounddevice module.

    Raises:
        MissingDependencyError: the PortAudio library is not installed.
        DeviceError: the sound system does not answer.
    """
    # Importing it initialises PortAudio, which asks the sound server.
    return _thread.call(_import, OPEN_TIMEOUT_S)


def _import() -> ModuleType:
    silence_alsa()
    try:
        import sounddevice as module
    except OSError as error:
        raise MissingDependencyError(
            "Sound cannot be recorded because the PortAudio library is missing: install libportaudio2."
        ) from error
    # It reports errors to its callers, and writes down where in its code they came up as well.
    silence_stderr_of(module._libname)
    # It ends PortAudio when the process ends, which a server that hangs would block.
    atexit.unregister(module._exit_handler)
    atexit.register(_end, module)
    return module  # type: ignore[no-any-return]


def _end(module: ModuleType) -> None:
    if not _thread.is_stuck:
        with suppress(DeviceError):
            _thread.call(module._exit_handler, CLOSE_TIMEOUT_S)


def is_stuck() -> bool:
    """Whether a call did not return in time: the process must not wait for PortAudio when it ends."""
    return _thread.is_stuck


def refresh() -> bool:
    """Update PortAudio's list of devices.

    PortAudio lists devices once, when it is initialised, and initialising it again ends all its streams.

    Returns:
        False if nothing was done because a microphone is open, or because it failed.
    """
    module = sounddevice()

    def initialize() -> bool:
        if _open_streams:
            return False
        if module._initialized:
            module._terminate()
        module._initialize()
        return True

    try:
        return _thread.call(initialize, OPEN_TIMEOUT_S)
    except (module.PortAudioError, DeviceError):
        return False


def devices() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All audio devices and all host APIs as PortAudio describes them; empty if there are none."""
    module = sounddevice()

    def query() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        return list(module.query_devices()), list(module.query_hostapis())

    try:
        return _thread.call(query, OPEN_TIMEOUT_S)
    except (module.PortAudioError, DeviceError):
        return [], []


def open_input(
    device: int | None, on_block_at: Callable[[int], OnBlock], finished: Callable[[], None]
) -> Any:
    """Open and start a float32 input of 20 ms blocks at 48 kHz, or the nearest supported format.

    Args:
        device: PortAudio's index, or None for the system's default.
        on_block_at: makes, for a rate in Hz, what gets each block (n, channels) in PortAudio's own thread.
        finished: called when the stream has ended.

    Raises:
        DeviceError: it cannot be opened, or the sound system does not answer.
    """
    module = sounddevice()

    def open_any() -> Any:
        info = module.query_devices(device, "input")
        rates = dict.fromkeys([RATE_HZ, round(info["default_samplerate"])])
        # As a pair, since a system that mixes it to one cancels channels of opposite phase. Some drivers
        # offer a microphone only with all of its channels.
        n_all = info["max_input_channels"]
        tries = [(rate, n) for n in (min(2, n_all), 1, min(MAX_CHANNELS, n_all)) for rate in rates]
        reason: Exception | None = None
        for rate_hz, channels in dict.fromkeys(tries):
            try:
                return _open(device, rate_hz, channels, on_block_at(rate_hz), finished)
            except module.PortAudioError as error:
                reason = error
        raise reason or ValueError("no format fits")

    try:
        return _thread.call(open_any, OPEN_TIMEOUT_S, on_late=close_input)
    except EmoliveError:
        raise
    except (module.PortAudioError, ValueError) as error:
        raise DeviceError(
            f"The microphone cannot be opened: check that it is connected and permitted ({error})."
        ) from error


def _open(
    device: int | None, rate_hz: int, channels: int, on_block: OnBlock, finished: Callable[[], None]
) -> Any:
    module = sounddevice()

    def callback(data: NDArray[Any], frames: int, times: Any, flags: Any) -> None:
        # By PortAudio's clock of now, not of when it called: the interpreter may have been held meanwhile.
        try:
            age_s = (stream.time or times.currentTime) - times.inputBufferAdcTime
        except module.PortAudioError:
            age_s = times.currentTime - times.inputBufferAdcTime
        # Some systems give no times.
        on_block(data, age_s if 0 <= age_s < 60 else frames / rate_hz, bool(flags.input_overflow))

    stream = module.InputStream(
        device=device,
        samplerate=rate_hz,
        blocksize=round(rate_hz * BLOCK_S),
        channels=channels,
        dtype="float32",
        callback=callback,
        finished_callback=finished,
    )
    return _started(stream)


def _started(stream: Any) -> Any:
    """A new stream, started; closed again if that fails."""
    _open_streams[id(stream)] = stream
    try:
        stream.start()
    except sounddevice().PortAudioError:
        close_input(stream)
        raise
    return stream


def open_output(rate_hz: int, callback: Callable[..., None]) -> Any:
    """Open and start a float32 mono output on the default device; `close_input` closes it too.

    Args:
        rate_hz: of the samples; the system resamples where the card needs another one.
        callback: PortAudio's; fills blocks (n, 1).

    Raises:
        DeviceError: there is no loudspeaker, or it cannot be opened.
    """
    module = sounddevice()

    def open_default() -> Any:
        stream = module.OutputStream(
            samplerate=rate_hz, channels=1, dtype="float32", latency="high", callback=callback
        )
        return _started(stream)

    try:
        return _thread.call(open_default, OPEN_TIMEOUT_S, on_late=close_input)
    except EmoliveError:
        raise
    except (module.PortAudioError, ValueError) as error:
        raise DeviceError(f"There is no loudspeaker that can be opened ({error}).") from error


def is_active(stream: Any) -> bool:
    """Whether PortAudio still serves an open stream."""
    try:
        return bool(stream.active)
    except sounddevice().PortAudioError:
        return False


def close_input(stream: Any) -> None:
    """Abort and close a stream in any state; returns in a short time, whether it could be closed or not."""
    module = sounddevice()

    def close() -> None:
        # The device may be gone already.
        with suppress(module.PortAudioError):
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)
        _open_streams.pop(id(stream), None)

    with suppress(DeviceError):
        _thread.call(close, CLOSE_TIMEOUT_S)
