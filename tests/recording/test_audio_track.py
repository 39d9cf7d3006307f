"""Where blocks of sound are placed in a recording."""

from __future__ import annotations

import numpy as np
import pytest

from emolive.clock import to_ns
from emolive.recording.audio_track import MAX_FILL_S, AudioTrack
from emolive.types import AudioBlock, FloatArray

RATE_HZ = 8000
N = 160


def block(t_s: float, value: float = 1.0) -> AudioBlock:
    return AudioBlock(to_ns(t_s), np.full(N, value, np.float32), RATE_HZ)


def place(track: AudioTrack, *blocks: AudioBlock) -> FloatArray:
    return np.concatenate([track.add(each) for each in blocks])


def test_jitter_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    blocks = [block(0.02 * i + rng.uniform(-0.005, 0.005), i) for i in range(1, 200)]
    samples = place(AudioTrack(RATE_HZ, to_ns(0.02)), *blocks)
    assert len(samples) == 199 * N
    assert (samples == np.repeat(np.arange(1, 200), N)).all()


def test_gaps_become_silence_and_repeated_times_are_dropped() -> None:
    track = AudioTrack(RATE_HZ, 0)
    samples = place(track, block(0.0), block(0.5, 2.0), block(0.2, 3.0), block(0.52, 4.0))
    assert len(samples) == round(0.54 * RATE_HZ)
    assert [samples[round(t * RATE_HZ)] for t in (0.01, 0.3, 0.51, 0.53)] == [1, 0, 2, 4]
    assert not (samples == 3).any()
    assert track.duration_s == pytest.approx(0.54)


def test_what_was_captured_before_the_start_is_left_out() -> None:
    samples = place(AudioTrack(RATE_HZ, to_ns(1.0)), block(0.5), block(0.99, 2.0), block(1.01, 3.0))
    assert len(samples) == round(0.03 * RATE_HZ)
    assert samples[0] == 2
    assert samples[-1] == 3


@pytest.mark.parametrize("drift", [300e-6, -300e-6])
def test_drift_of_the_audio_clock_is_stretched_away(drift: float) -> None:
    track = AudioTrack(RATE_HZ, 0)
    end_s = 0.0
    for i in range(4000):
        t_s = 0.02 * i * (1 + drift)
        samples = track.add(block(t_s))
        assert abs(len(samples) - N) <= 4, "no step that can be heard"
        end_s = t_s + 0.02
    assert track.duration_s == pytest.approx(end_s, abs=0.006)


def test_a_very_long_gap_is_filled_in_parts() -> None:
    track = AudioTrack(RATE_HZ, 0)
    track.add(block(0.0))
    gap_s = 2.5 * MAX_FILL_S
    parts = [track.add(block(gap_s + 0.02 * i)) for i in range(4)]
    assert max(len(part) for part in parts) <= MAX_FILL_S * RATE_HZ + N
    assert track.duration_s == pytest.approx(gap_s + 0.08, abs=0.001)
