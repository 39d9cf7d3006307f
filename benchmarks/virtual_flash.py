"""A camera and a microphone in which flashes and beeps begin at the same time."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from benchmarks.virtual_camera import VirtualCamera
from benchmarks.virtual_microphone import VirtualMicrophone, missing_requirements
from emolive._compat.opencv import cv2
from emolive.capture import portaudio
from emolive.capture.flash_beep import BEEP_HZ, PERIOD_S, RATE_HZ, is_on, picture
from emolive.errors import MissingDependencyError

SIZE = (320, 240)
_TICK_S = 0.005
_PIPE_BYTES = 4096


@contextmanager
def flashing_devices() -> Iterator[tuple[str, str]]:
    """Source and microphone strings of devices that flash and beep.

    Raises:
        MissingDependencyError: there is no sound server.
    """
    if reason := missing_requirements():
        raise MissingDependencyError(f"The virtual microphone cannot run: {reason}.")
    server = VirtualMicrophone()
    before = {name: os.environ.get(name) for name in server.environment}
    os.environ.update(server.environment)
    try:
        server.start()
        portaudio.refresh()
        with flashing_camera(server) as url:
            yield url, "default"
    finally:
        server.kill()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        # ALSA aborts the process if its configuration is gone.
        portaudio.refresh()
        server.close()


@contextmanager
def flashing_camera(server: VirtualMicrophone, late_s: float = 0.0) -> Iterator[str]:
    """The address of a camera that flashes when the sound server's microphone beeps.

    Args:
        server: running; its default microphone is a pipe meanwhile.
        late_s: by how much the picture comes after the sound.
    """
    frames = {
        on: bytes(cv2.imencode(".jpg", picture(PERIOD_S / 2 if on else 0.0, SIZE))[1]) for on in (True, False)
    }
    start_s = time.monotonic()
    pipe = server.open_pipe()
    stop = threading.Event()
    thread = threading.Thread(target=_beep_into, args=(pipe, start_s, stop), name="beeps", daemon=True)
    thread.start()
    try:
        with VirtualCamera(lambda: frames[is_on(time.monotonic() - start_s - late_s)]) as camera:
            yield camera.url
    finally:
        stop.set()
        thread.join()
        server.close_pipe()


def _beep_into(pipe: Path, start_s: float, stop: threading.Event) -> None:
    """Write each sample when its time has come; nothing while nobody listens."""
    written = 0
    descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "wb", buffering=0) as out, suppress(BrokenPipeError):
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            # Otherwise sound of the time before somebody listens is heard then.
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        while not stop.wait(_TICK_S):
            due = round((time.monotonic() - start_s) * RATE_HZ)
            t = np.arange(written, due) / RATE_HZ
            on = np.array([is_on(float(second)) for second in t[:: RATE_HZ // 1000]])
            wave = np.sin(2 * np.pi * BEEP_HZ * t) * np.repeat(on, RATE_HZ // 1000)[: len(t)]
            # None if the pipe is full.
            out.write((wave * 0.6 * 32767).astype("<i2").tobytes())
            written = due
