"""Fixtures in place of real devices: a sound server and a camera on the loopback interface."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from benchmarks.virtual_microphone import VirtualMicrophone, missing_requirements
from tests.helpers import leaks
from tests.helpers.faulty_camera import FaultyCamera


@pytest.fixture(scope="session")
def _sound_server() -> Iterator[VirtualMicrophone]:
    if reason := missing_requirements():
        pytest.skip(reason)
    from emolive.capture import portaudio

    server = VirtualMicrophone()
    before = {name: os.environ.get(name) for name in server.environment}
    os.environ.update(server.environment)
    try:
        server.start()
        portaudio.refresh()
        yield server
    finally:
        server.kill()
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
        # ALSA aborts the process if its configuration is gone: remove it only after that.
        portaudio.refresh()
        server.close()


@pytest.fixture
def sound_server(_sound_server: VirtualMicrophone) -> Iterator[VirtualMicrophone]:
    """A running sound server whose microphone is this process's default one.

    A test may restart it: the server then stays for the next one.
    """
    yield _sound_server
    _sound_server.stop_playback()
    if _sound_server.pid is not None:
        leaks.keep_child(_sound_server.pid)


@pytest.fixture
def webcam() -> Iterator[FaultyCamera]:
    with FaultyCamera() as camera:
        yield camera
