"""The sound of a file on a real sound server."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.virtual_microphone import VirtualMicrophone
from emolive.capture.factory import create_microphone
from emolive.capture.microphone import MicrophoneSource
from emolive.clock import to_ns
from emolive.playback.clock import PlaybackClock
from emolive.playback.speaker import Speaker
from emolive.types import AudioBlock
from tests.devices.test_microphone import RATE_HZ, loudest_hz, running, tone
from tests.helpers.listener import eventually

pytestmark = pytest.mark.devices


def test_what_is_played_is_heard_while_the_clock_runs(sound_server: VirtualMicrophone) -> None:
    microphone = create_microphone("default")
    assert isinstance(microphone, MicrophoneSource)
    clock = PlaybackClock()
    speaker = Speaker(clock)
    sound = tone(880, 30)
    with running(microphone) as listener:
        eventually(lambda: listener.last(0.2)[1], "the microphone")
        for first in range(0, len(sound), 4800):
            speaker.put(AudioBlock(to_ns(first / RATE_HZ), sound[first : first + 4800], RATE_HZ))
        assert speaker.problem == ""
        clock.release()

        def heard() -> bool:
            samples, complete = listener.last(0.3)
            loud = complete and float(np.abs(samples).mean()) > 0.1
            return loud and abs(loudest_hz(samples, RATE_HZ) - 880) < 20

        eventually(heard, "the tone")
        clock.set_playing(False)
        eventually(lambda: float(np.abs(listener.last(0.3)[0]).max()) < 0.01, "silence while it is paused")
    speaker.close()
