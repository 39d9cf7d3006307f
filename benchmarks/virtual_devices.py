"""A virtual webcam and microphone in other processes, so that their cost does not count as the app's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import numpy as np

from benchmarks import fixtures
from benchmarks.virtual_microphone import VirtualMicrophone, missing_requirements
from emolive.capture.synthetic.voice import RATE_HZ
from emolive.errors import EmoliveError

SPOKEN_S = 8.0
"""Of the drawn demo's voice, played again and again."""


@dataclass(frozen=True, slots=True)
class VirtualDevices:
    """Environment of an app that uses the devices."""

    source: str
    mic: str
    sound: str
    """Description of the audio source."""
    environment: dict[str, str] = field(default_factory=dict)


@contextmanager
def loopback(seconds: float) -> Iterator[VirtualDevices]:
    """A webcam that shows the drawn face at 640x480, and a microphone that hears `seconds` of its voice.

    The microphone needs PulseAudio's programs; without them the computer's own is used, if it has one.

    Raises:
        EmoliveError: the webcam does not start.
    """
    with ExitStack() as stack:
        url = stack.enter_context(webcam_process())
        if reason := missing_requirements():
            yield VirtualDevices(url, "auto", f"the computer's own sound, if any ({reason})")
            return
        server = VirtualMicrophone()
        stack.callback(server.close)
        try:
            server.start()
        except RuntimeError as error:
            yield VirtualDevices(url, "auto", f"the computer's own sound, if any ({error})")
            return
        voice = fixtures.sound(SPOKEN_S)
        server.play(np.tile(voice, round(seconds / SPOKEN_S) + 1), RATE_HZ)
        yield VirtualDevices(url, "default", "a sound server's", server.environment)


@contextmanager
def webcam_process() -> Iterator[str]:
    """The address of a webcam in another process."""
    command = [sys.executable, "-m", "benchmarks.virtual_camera"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url:
                raise EmoliveError("The webcam on the loopback does not start.")
            yield url
        finally:
            process.kill()
