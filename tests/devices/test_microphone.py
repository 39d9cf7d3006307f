"""A microphone of a real sound server."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from benchmarks.virtual_microphone import VirtualMicrophone
from emolive.buffers.audio_ring import GAP_S, AudioRingBuffer
from emolive.capture import portaudio
from emolive.capture.devices import find_microphone, microphones
from emolive.capture.factory import create_microphone
from emolive.capture.microphone import MicrophoneSource
from emolive.clock import to_s
from emolive.errors import EmoliveError
from emolive.types import AudioBlock, FloatArray
from tests.helpers.listener import Collector, eventually

pytestmark = pytest.mark.devices

RATE_HZ = 48_000


class Recorder(Collector):
    """Stores the audio in a ring buffer, as a session does."""

    def __init__(self) -> None:
        super().__init__()
        self.ring: AudioRingBuffer | None = None

    def on_audio(self, block: AudioBlock) -> None:
        super().on_audio(block)
        if self.ring is None:
            self.ring = AudioRingBuffer(block.rate_hz, seconds=5)
        self.ring.write(block.samples, block.t_ns)

    def last(self, seconds: float) -> tuple[FloatArray, bool]:
        """The newest audio, and whether it is complete."""
        if self.ring is None or self.ring.newest_ns is None:
            return np.zeros(0, np.float32), False
        samples, present = self.ring.read(self.ring.newest_ns, round(seconds * self.ring.rate_hz))
        return samples, bool(present.all())


def tone(hz: float, seconds: float) -> FloatArray:
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.5 * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def loudest_hz(samples: FloatArray, rate_hz: int) -> float:
    """The frequency of the highest peak, between the bins by a parabola through it."""
    power = np.log(np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) + 1e-12)
    peak = int(np.argmax(power[1:-1])) + 1
    left, middle, right = power[peak - 1 : peak + 2]
    return float((peak + 0.5 * (left - right) / (left - 2 * middle + right)) * rate_hz / len(samples))


@contextmanager
def running(source: MicrophoneSource) -> Iterator[Recorder]:
    listener = Recorder()
    source.start(listener)
    try:
        yield listener
    finally:
        assert source.stop(60)


@pytest.mark.parametrize("name", ["default", "VMIC"])
def test_played_audio_is_recorded(sound_server: VirtualMicrophone, name: str) -> None:
    with running(MicrophoneSource(name)) as listener:
        eventually(lambda: listener.blocks, "sound from the microphone")
        sound_server.play(tone(997, 20))

        recorded: list[FloatArray] = []

        def tone_recorded() -> bool:
            samples, complete = listener.last(1.0)
            recorded[:] = [samples]
            return complete and bool(np.abs(samples).reshape(50, -1).max(axis=1).min() > 0.3)

        eventually(tone_recorded, "a second of the tone without a hole")
        # The one that was looked at: the next may have a hole.
        (samples,) = recorded
        assert listener.ring is not None
        assert loudest_hz(samples, listener.ring.rate_hz) == pytest.approx(997, abs=1)
        eventually(lambda: listener.code == "live", "live")
        steps = np.diff([block.t_ns for block in listener.blocks])
        # A sound server that gets no time to run corrects its clock by more.
        assert ((steps > 0) | (steps < -GAP_S * 1e9)).all()
        assert all(len(block.samples) == 0.02 * block.rate_hz for block in listener.blocks)
        assert all(block.samples.dtype == np.float32 for block in listener.blocks)


def test_a_microphone_that_gives_nothing_but_zeros_is_called_silent(sound_server: VirtualMicrophone) -> None:
    with running(MicrophoneSource()) as listener:
        eventually(lambda: listener.code == "silent", "silent")
        sound_server.play(tone(440, 20))
        eventually(lambda: listener.code == "live", "live once there is sound")


def test_a_lost_microphone_comes_back(
    sound_server: VirtualMicrophone, capfd: pytest.CaptureFixture[str]
) -> None:
    with running(MicrophoneSource()) as listener:
        sound_server.play(tone(440, 30))
        eventually(lambda: listener.code == "live", "live")
        sound_server.kill()
        eventually(lambda: listener.code == "lost", "lost")
        count = len(listener.blocks)
        sound_server.start()
        sound_server.play(tone(997, 30))
        eventually(lambda: listener.code == "live", "live again")
        eventually(lambda: len(listener.blocks) > count, "more sound")
    assert listener.codes[0] == "opening"
    # PortAudio writes three lines of its own code when the server goes.
    assert not capfd.readouterr().err


def test_a_sound_server_that_hangs_is_reported_and_keeps_nobody(sound_server: VirtualMicrophone) -> None:
    with running(MicrophoneSource()) as listener:
        sound_server.play(tone(440, 60))
        eventually(lambda: listener.code == "live", "live")
        sound_server.freeze()
        try:
            eventually(lambda: listener.code == "lost", "lost")
            eventually(portaudio.is_stuck, "a call that does not return")
            # Nobody waits behind it.
            assert portaudio.devices() == ([], [])
            assert not portaudio.refresh()
            source = MicrophoneSource()
            refused = Recorder()
            source.start(refused)
            eventually(lambda: refused.code == "missing", "missing")
            assert "does not answer" in refused.statuses[-1].text
            assert source.stop(60)
        finally:
            sound_server.thaw()
        eventually(lambda: not portaudio.is_stuck(), "the call's end")
        sound_server.play(tone(440, 30))
        eventually(lambda: listener.code == "live", "live again")


def test_an_interpreter_that_is_held_loses_no_sound(sound_server: VirtualMicrophone) -> None:
    """As an import of torch holds it: the stream is not opened again, and sound is placed at its time."""
    with running(MicrophoneSource()) as listener:
        eventually(lambda: len(listener.blocks) > 100, "two seconds of sound")
        n_codes = len(listener.codes)
        hold = ctypes.PyDLL(None).usleep
        before = listener.blocks[-1].t_ns
        for _ in range(2):
            hold(900_000)
        eventually(lambda: to_s(listener.blocks[-1].t_ns - before) > 2.5, "sound after that")
        assert set(listener.codes[n_codes:]) <= {"live", "silent"}
        blocks = [block for block in listener.blocks if block.t_ns >= before]
    elapsed_s = to_s(blocks[-1].t_ns - blocks[0].t_ns)
    assert 0.02 * (len(blocks) - 1) == pytest.approx(elapsed_s, abs=0.3)


def test_a_callback_whose_listener_fails_goes_on(sound_server: VirtualMicrophone) -> None:
    class Failing(Recorder):
        def on_audio(self, block: AudioBlock) -> None:
            if len(self.blocks) < 3:
                self.items.append(block)
                raise RuntimeError("a planted bug")
            super().on_audio(block)

    listener = Failing()
    source = MicrophoneSource()
    source.start(listener)
    eventually(lambda: len(listener.blocks) > 20, "sound after the fault")
    assert source.stop(60)
    assert "lost" not in listener.codes


def test_a_microphone_that_is_not_there_is_missing_until_it_comes(sound_server: VirtualMicrophone) -> None:
    sound_server.kill()
    try:
        assert microphones(refresh=True) == []
        listener = Recorder()
        source = MicrophoneSource()
        source.start(listener)
        eventually(lambda: listener.code == "missing", "missing")
    finally:
        sound_server.start()
    eventually(lambda: listener.code in ("live", "silent"), "live or silent")
    assert source.stop(60)
    assert microphones(refresh=True)


def test_names_and_indices(sound_server: VirtualMicrophone) -> None:
    devices = microphones(refresh=True)
    assert [device.default for device in devices].count(True) == 1
    vmic = find_microphone("vmic")
    assert find_microphone("Vm") == vmic
    assert find_microphone(str(vmic.index)) == vmic
    source = create_microphone(str(vmic.index))
    assert source is not None
    assert (source.info.name, source.info.has_audio, source.info.has_video) == ("vmic", True, False)
    for wrong in ("no such microphone", "99"):
        with pytest.raises(EmoliveError, match=f"There is no microphone '{wrong}': choose one of .*vmic"):
            create_microphone(wrong)


def test_the_list_of_microphones_leaves_a_running_one_alone(sound_server: VirtualMicrophone) -> None:
    before = microphones(refresh=True)
    with running(MicrophoneSource()) as listener:
        eventually(lambda: listener.blocks, "sound")
        assert [device.name for device in microphones(refresh=True)] == [d.name for d in before]
        assert not portaudio.refresh()
        count = len(listener.blocks)
        eventually(lambda: len(listener.blocks) > count + 50, "more sound")
    assert portaudio.refresh()


def test_a_microphone_that_is_connected_while_another_is_open(sound_server: VirtualMicrophone) -> None:
    config = sound_server.folder / "asound.conf"
    before = config.read_text()
    assert "Newcomer" not in [device.name for device in microphones(refresh=True)]
    try:
        with running(MicrophoneSource()) as listener:
            eventually(lambda: listener.blocks, "sound")
            new = 'pcm.Newcomer { type pulse device "vmic" hint { show on description "Newcomer" } }'
            config.write_text(f"{before}{new}\n")
            assert "Newcomer" in [device.name for device in microphones(refresh=True)]
            source = create_microphone("newcomer")
        assert isinstance(source, MicrophoneSource)
        with running(source) as other:
            sound_server.play(tone(440, 20))
            eventually(lambda: other.code == "live", "live")
            assert not any("is not connected" in status.text for status in other.statuses)
    finally:
        config.write_text(before)
        portaudio.refresh()
