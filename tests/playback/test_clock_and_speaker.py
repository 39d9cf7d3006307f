"""The position of a file, and its sound in step with it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from emolive.clock import NS_PER_S
from emolive.errors import DeviceError
from emolive.playback import speaker as speaker_module
from emolive.playback.clock import PlaybackClock
from emolive.playback.speaker import Speaker
from emolive.types import AudioBlock

RATE_HZ = 1000


class Time:
    """A clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.ns = 5 * NS_PER_S

    def __call__(self) -> int:
        return self.ns

    def pass_s(self, seconds: float) -> None:
        self.ns += round(seconds * NS_PER_S)


def test_the_position_runs_pauses_and_waits_after_a_seek() -> None:
    time = Time()
    clock = PlaybackClock(time)
    time.pass_s(1)
    assert clock.position_ns() == 0, "held until there is something to see"
    clock.release()
    time.pass_s(1.5)
    assert clock.position_ns() == 1.5 * NS_PER_S
    assert clock.position_ns(time.ns + NS_PER_S) == 2.5 * NS_PER_S
    clock.set_playing(False)
    time.pass_s(9)
    assert clock.position_ns() == 1.5 * NS_PER_S
    clock.seek(7 * NS_PER_S)
    clock.release()
    time.pass_s(1)
    assert clock.position_ns() == 7 * NS_PER_S, "a seek does not end the pause"
    clock.set_playing(True)
    time.pass_s(0.25)
    assert clock.position_ns() == 7.25 * NS_PER_S
    clock.seek(0)
    time.pass_s(1)
    assert not clock.running
    assert clock.position_ns() == 0


def ramp_speaker(clock: PlaybackClock, opened: list[Any]) -> Speaker:
    """Its sound is its own position: sample i has the value i."""

    def open_output(rate_hz: int, callback: Callable[..., None]) -> object:
        opened.append((rate_hz, callback))
        return object()

    speaker = Speaker(clock, open_output)
    for first in range(0, 10 * RATE_HZ, 100):
        samples = np.arange(first, first + 100, dtype=np.float32)
        speaker.put(AudioBlock(first * NS_PER_S // RATE_HZ, samples, RATE_HZ))
    return speaker


def hear(callback: Callable[..., None], n: int, delay_s: float = 0.0) -> np.ndarray:
    out = np.full((n, 1), np.nan, np.float32)
    callback(out, n, SimpleNamespace(currentTime=3.0, outputBufferDacTime=3.0 + delay_s), None)
    return out[:, 0]


def test_sound_follows_the_picture(monkeypatch) -> None:
    time, opened = Time(), []
    monkeypatch.setattr(speaker_module, "now_ns", time)
    clock = PlaybackClock(time)
    speaker = ramp_speaker(clock, opened)
    ((rate_hz, callback),) = opened
    assert rate_hz == RATE_HZ
    assert not hear(callback, 20).any(), "silent while the position stands still"
    clock.release()
    time.pass_s(2)
    assert hear(callback, 20, delay_s=0.1)[0] == 2100, "what is heard in 0.1 s belongs to the picture then"
    time.pass_s(0.02 + 0.03)
    assert hear(callback, 20, delay_s=0.1)[0] == 2120, "jitter of the callback cuts nothing out"
    time.pass_s(0.2)
    assert hear(callback, 20, delay_s=0.1)[0] == 2350, "too far from the picture: it jumps there"
    speaker.muted = True
    assert not hear(callback, 20).any()
    speaker.muted = False
    clock.set_playing(False)
    assert not hear(callback, 20).any()
    clock.seek(NS_PER_S)
    clock.set_playing(True)
    clock.release()
    speaker.clear()
    speaker.put(AudioBlock(NS_PER_S, np.full(100, 7, np.float32), RATE_HZ))
    heard = hear(callback, 200)
    assert (heard[:100] == 7).all()
    assert not heard[100:].any(), "nothing is played that has not arrived"


def test_without_a_loudspeaker_it_plays_on() -> None:
    tries = []

    def refuse(rate_hz: int, callback: Callable[..., None]) -> object:
        tries.append(rate_hz)
        raise DeviceError("There is no loudspeaker.")

    speaker = Speaker(PlaybackClock(), refuse)
    for _ in range(3):
        speaker.put(AudioBlock(0, np.zeros(10, np.float32), RATE_HZ))
    assert tries == [RATE_HZ], "asked once"
    assert speaker.problem == "There is no loudspeaker."
    speaker.close()
