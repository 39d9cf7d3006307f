"""Audio steps that are computed once are those that a window computed whole has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from emolive.audio import features as audio
from emolive.audio.online_features import AudioBuffer, AudioFeatures, OnlineFeatureExtractor
from emolive.audio.vad import frame_levels_dbfs
from emolive.buffers.audio_ring import AudioRingBuffer
from emolive.clock import NS_PER_S, to_ns
from emolive.models.spec import AudioSpec
from emolive.paths import data_dir
from emolive.types import AudioSegment
from emolive.windowing import Waveform

SPEC = AudioSpec(kind="logmel", n_fft=1024, hop_length=441, n_mels=64, fmin_hz=50, fmax_hz=8000)
N = 180 * SPEC.hop_length
BIN_NS = to_ns(0.24)
BIN_STEPS = 12


def atomic_write(sound: AudioBuffer, end_ns: int, spec: AudioSpec = SPEC) -> AudioFeatures:
    """A window that knows nothing of the windows before."""
    wanted, steps = spec.left_context + N, spec.n_frames(N)
    found = sound.read_segment(end_ns, ceil(wanted * sound.rate_hz / spec.rate_hz))
    at_rate = audio.resample(found.samples, sound.rate_hz, spec.rate_hz).numpy()[-wanted:]
    ruler = len(found.present) * N // wanted
    middles = len(found.present) - ruler + (2 * np.arange(steps) + 1) * ruler // (2 * steps)
    levels = frame_levels_dbfs(at_rate[spec.left_context :], steps)
    return AudioFeatures(audio.features(at_rate, spec).numpy().T, found.present[middles], levels)


def assert_as_whole(hearing: OnlineFeatureExtractor, sound: AudioBuffer, end_ns: int) -> None:
    found, expected = hearing.read(sound, end_ns, N), atomic_write(sound, end_ns, hearing.spec)
    assert np.abs(found.steps - expected.steps).max() < 1e-3
    assert np.abs(found.levels - expected.levels).max() < 1e-3
    assert (found.present == expected.present).all()


def noise(rate_hz: int, seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    loud = np.repeat(10 ** rng.uniform(-4, -0.5, ceil(seconds * 5)), rate_hz // 5)[: round(seconds * rate_hz)]
    return (rng.standard_normal(len(loud)) * loud).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_hop_by_hop_only_the_newest_steps_are_computed_and_they_are_the_same(rate_hz: int) -> None:
    sound, hearing = Waveform(noise(rate_hz, 6), rate_hz), OnlineFeatureExtractor(SPEC)
    for hop in range(1, 25):
        before = hearing.computed
        assert_as_whole(hearing, sound, hop * BIN_NS)
        # What resampling lacked at the last window's end is made good: one step more.
        assert hop == 1 or hearing.computed - before <= BIN_STEPS + 1


@dataclass
class Counted:
    """A sound that counts what is read of it, and in which things may happen between two reads."""

    ring: AudioRingBuffer
    between: Callable[[], None] = lambda: None
    samples: int = 0

    @property
    def rate_hz(self) -> int:
        return self.ring.rate_hz

    def read_segment(self, end_ns: int, n: int) -> AudioSegment:
        found = self.ring.read_segment(end_ns, n)
        self.samples += n
        if not n:
            self.between()
        return found


def counted(seconds: float) -> Counted:
    ring = AudioRingBuffer(48_000, 8.0)
    ring.write(noise(48_000, seconds), 0)
    return Counted(ring)


def test_what_is_known_is_not_read_again() -> None:
    sound, hearing = counted(7), OnlineFeatureExtractor(SPEC)
    assert_as_whole(hearing, sound, 20 * BIN_NS)
    sound.samples = 0
    hearing.read(sound, 21 * BIN_NS, N)
    assert sound.samples < 0.33 * 48_000


def test_what_is_taken_back_while_it_is_read_is_read_anew() -> None:
    sound, hearing = counted(5), OnlineFeatureExtractor(SPEC)
    hearing.read(sound, 20 * BIN_NS, N)
    # Half a second less, and another sound in its place.
    sound.between = lambda: sound.ring.write(noise(48_000, 1, seed=1), to_ns(4.5))
    found = hearing.read(sound, 21 * BIN_NS, N)
    sound.between = lambda: None
    expected = atomic_write(sound, 21 * BIN_NS)
    assert np.abs(found.steps - expected.steps).max() < 1e-3
    assert_as_whole(hearing, sound, 22 * BIN_NS)


@pytest.mark.data
def test_real_sound_gives_the_same_decibels() -> None:
    folder = data_dir() / "ravdess" / "audio_48k_wav"
    files: list[Path] = sorted(folder.rglob("*.wav"))
    if not files:
        pytest.skip(f"no real sound in {folder}: set EMOLIVE_DATA")
    for path in files:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        sound, hearing = Waveform(np.tile(samples.mean(axis=1), 2), rate_hz), OnlineFeatureExtractor(SPEC)
        for hop in range(1, int(2 * len(samples) / rate_hz / 0.24) + 1):
            assert_as_whole(hearing, sound, hop * BIN_NS)


@pytest.mark.parametrize(
    ("rate_hz", "spec"), [(11_025, SPEC), (48_000, AudioSpec())], ids=["no whole steps", "mfcc"]
)
def test_what_cannot_be_kept_is_computed_whole(rate_hz: int, spec: AudioSpec) -> None:
    sound, hearing = Waveform(noise(rate_hz, 5), rate_hz), OnlineFeatureExtractor(spec)
    for hop in (18, 19, 20):
        assert_as_whole(hearing, sound, hop * BIN_NS)
    assert hearing.computed == 3 * spec.n_frames(N)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=2, max_size=8), st.sampled_from([22_050, 48_000]))
def test_windows_may_come_in_any_order_and_at_any_time(ends: list[int], rate_hz: int) -> None:
    sound, hearing = Waveform(noise(rate_hz, 6), rate_hz), OnlineFeatureExtractor(SPEC)
    for end in ends:
        assert_as_whole(hearing, sound, to_ns(0.02 * end))
    assert_as_whole(hearing, sound, to_ns(0.02 * ends[-1]) + 7_654_321)


def test_another_sound_is_not_taken_for_the_first() -> None:
    hearing = OnlineFeatureExtractor(SPEC)
    for seed in (1, 2):
        assert_as_whole(hearing, Waveform(noise(48_000, 5, seed), 48_000), 20 * BIN_NS)


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 48_000])
@pytest.mark.parametrize("seed", range(4))
def test_blocks_that_come_late_or_never_or_again_touch_what_they_change(seed: int, rate_hz: int) -> None:
    """A live ring in which things go wrong always gives what a window read afresh gives."""
    ring, hearing, rng = (
        AudioRingBuffer(rate_hz, 8.0),
        OnlineFeatureExtractor(SPEC),
        np.random.default_rng(seed),
    )
    samples, n, start_ns = noise(rate_hz, 6), rate_hz // 50, 10**12
    held: list[int] = []
    clock_ns = 0
    for block in range(300):
        fault = rng.choice(["none", "late", "lost", "back", "ahead"], p=[0.9, 0.04, 0.02, 0.02, 0.02])
        clock_ns += {"back": -300_000_000, "ahead": 500_000_000}.get(fault, 0)
        if fault != "lost":
            held.append(block)
        if fault not in ("late", "lost"):
            for i in held:
                t_ns = start_ns + clock_ns + i * 20_000_000
                ring.write(samples[i * n : (i + 1) * n], t_ns)
            held = []
        if block % 12 == 11:
            assert_as_whole(hearing, ring, start_ns + (block + 1) * 20_000_000)


def test_a_microphone_whose_clock_drifts_is_mostly_known_too() -> None:
    rate_hz, hearing = 48_000, OnlineFeatureExtractor(SPEC)
    ring, samples = AudioRingBuffer(rate_hz, 8.0), noise(rate_hz, 20)
    for block in range(1000):
        t_ns = round(block * 960 * NS_PER_S / (rate_hz * (1 - 69e-6)))
        ring.write(samples[block * 960 : (block + 1) * 960], t_ns)
        if block % 12 == 11:
            assert_as_whole(hearing, ring, (block + 1) * 20_000_000)
    windows = 1000 // 12
    assert hearing.computed < windows * 180 / 4
