"""Incrementally computed frames are bit-identical to those of a single window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from emolive.audio.online_features import AudioFeatures, OnlineFeatureExtractor
from emolive.audio.resample import AudioBuffer
from emolive.buffers.audio_ring import AudioRingBuffer
from emolive.clock import NS_PER_S, to_ns
from emolive.models.input_spec import AudioSpec
from emolive.paths import data_dir
from emolive.time_series import Waveform
from emolive.types import AudioSegment
from tests.helpers.sounds import restless_noise

SPEC = AudioSpec(kind="logmel", n_fft=1024, hop_length=441, n_mels=64, fmin_hz=50, fmax_hz=8000)
N = 180 * SPEC.hop_length
BIN_NS = to_ns(0.24)
N_NEW = 12
"""Frames of a bin."""
MAX_OPEN = 18
"""Frames that may depend on later audio: those of one resampling chunk and of one frame length."""


def assert_same(found: AudioFeatures, expected: AudioFeatures) -> None:
    assert_array_equal(found.frames, expected.frames)
    assert_array_equal(found.speech, expected.speech)
    assert_array_equal(found.present, expected.present)


def assert_as_alone(
    extractor: OnlineFeatureExtractor, buffer: AudioBuffer, end_ns: int, spec: AudioSpec = SPEC
) -> None:
    """A window of an extractor with a cache equals that of a new extractor."""
    assert_same(extractor.read(buffer, end_ns, N), OnlineFeatureExtractor(spec).read(buffer, end_ns, N))


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 48_001])
def test_from_bin_to_bin_few_frames_are_computed(rate_hz: int) -> None:
    buffer, extractor = Waveform(restless_noise(rate_hz, 6), rate_hz), OnlineFeatureExtractor(SPEC)
    n_computed = []
    for end in range(1, 25):
        before = extractor.n_computed
        assert_as_alone(extractor, buffer, end * BIN_NS)
        n_computed.append(extractor.n_computed - before)
    assert n_computed[0] == 180
    if rate_hz == SPEC.rate_hz:
        assert n_computed[1:] == [N_NEW] * 23
    elif rate_hz != 48_001:
        assert max(n_computed[1:]) <= N_NEW + MAX_OPEN


def test_without_resampling_frames_are_those_of_the_encoder() -> None:
    sound = restless_noise(SPEC.rate_hz, 6)
    for spec in (SPEC, AudioSpec()):
        features = OnlineFeatureExtractor(spec).read(Waveform(sound, spec.rate_hz), to_ns(4.8), N)
        end = round(4.8 * spec.rate_hz)
        expected = spec.encoder(sound[end - N - spec.left_context : end])
        assert_array_equal(features.frames, expected.T)


@dataclass
class Counted:
    """A buffer that counts the samples that are read, and in which something happens between two reads."""

    ring: AudioRingBuffer
    between: Callable[[], None] = lambda: None
    n_read: int = 0

    @property
    def rate_hz(self) -> int:
        return self.ring.rate_hz

    def read_segment(self, end_ns: int, n: int) -> AudioSegment:
        segment = self.ring.read_segment(end_ns, n)
        self.n_read += n
        if not n:
            self.between()
        return segment


def counted(seconds: float) -> Counted:
    ring = AudioRingBuffer(48_000, 8.0)
    ring.write(restless_noise(48_000, seconds), 0)
    return Counted(ring)


def test_cached_frames_are_not_recomputed() -> None:
    buffer, extractor = counted(7), OnlineFeatureExtractor(SPEC)
    assert_as_alone(extractor, buffer, 20 * BIN_NS)
    buffer.n_read = 0
    extractor.read(buffer, 21 * BIN_NS, N)
    # Half a second or so of each, for the frames and for speech detection.
    assert buffer.n_read < 1.5 * 48_000


def test_rewritten_audio_is_recomputed() -> None:
    buffer, extractor = counted(5), OnlineFeatureExtractor(SPEC)
    extractor.read(buffer, 20 * BIN_NS, N)
    other = restless_noise(48_000, 1, seed=1)

    def rewrite() -> None:
        buffer.between = lambda: None
        buffer.ring.write(other, to_ns(4.5))

    # The last half second is replaced.
    buffer.between = rewrite
    features = extractor.read(buffer, 21 * BIN_NS, N)
    assert_same(features, OnlineFeatureExtractor(SPEC).read(buffer, 21 * BIN_NS, N))
    assert_as_alone(extractor, buffer, 22 * BIN_NS)


@pytest.mark.data
def test_real_sound() -> None:
    folder = data_dir() / "ravdess" / "audio_48k_wav"
    files: list[Path] = sorted(folder.rglob("*.wav"))
    if not files:
        pytest.skip(f"no real sound in {folder}: set EMOLIVE_DATA")
    for path in files:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        buffer, extractor = Waveform(np.tile(samples.mean(axis=1), 2), rate_hz), OnlineFeatureExtractor(SPEC)
        for end in range(1, int(2 * len(samples) / rate_hz / 0.24) + 1):
            assert_as_alone(extractor, buffer, end * BIN_NS)


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 48_000])
def test_a_window_encoder_encodes_each_window(rate_hz: int) -> None:
    spec = AudioSpec()
    buffer, extractor = Waveform(restless_noise(rate_hz, 5), rate_hz), OnlineFeatureExtractor(spec)
    for end in (18, 19, 20):
        assert_as_alone(extractor, buffer, end * BIN_NS, spec)
    assert extractor.n_computed == 3 * spec.n_frames(N)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=2, max_size=8), st.sampled_from([22_050, 44_101, 48_000]))
def test_windows_may_come_in_any_order_and_at_any_time(ends: list[int], rate_hz: int) -> None:
    buffer, extractor = Waveform(restless_noise(rate_hz, 6), rate_hz), OnlineFeatureExtractor(SPEC)
    for end in ends:
        assert_as_alone(extractor, buffer, to_ns(0.02 * end))
    assert_as_alone(extractor, buffer, to_ns(0.02 * ends[-1]) + 7_654_321)


def test_another_buffer_invalidates_the_cache() -> None:
    extractor = OnlineFeatureExtractor(SPEC)
    for seed in (1, 2):
        assert_as_alone(extractor, Waveform(restless_noise(48_000, 5, seed), 48_000), 20 * BIN_NS)


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 48_000])
@pytest.mark.parametrize("seed", range(4))
def test_blocks_that_come_late_or_never_or_again(seed: int, rate_hz: int) -> None:
    """With any faults of a live ring, the features equal those of a new extractor."""
    ring, extractor, rng = (
        AudioRingBuffer(rate_hz, 8.0),
        OnlineFeatureExtractor(SPEC),
        np.random.default_rng(seed),
    )
    samples, n, start_ns = restless_noise(rate_hz, 6), rate_hz // 50, 10**12
    waiting: list[int] = []
    clock_ns = 0
    for block in range(300):
        fault = rng.choice(["none", "late", "lost", "back", "ahead"], p=[0.9, 0.04, 0.02, 0.02, 0.02])
        clock_ns += {"back": -300_000_000, "ahead": 500_000_000}.get(fault, 0)
        if fault != "lost":
            waiting.append(block)
        if fault not in ("late", "lost"):
            for i in waiting:
                ring.write(samples[i * n : (i + 1) * n], start_ns + clock_ns + i * 20_000_000)
            waiting = []
        if block % 12 == 11:
            assert_as_alone(extractor, ring, start_ns + (block + 1) * 20_000_000)


def test_most_frames_stay_cached_while_the_clock_drifts() -> None:
    rate_hz, extractor = 48_000, OnlineFeatureExtractor(SPEC)
    ring, samples = AudioRingBuffer(rate_hz, 8.0), restless_noise(rate_hz, 20)
    for block in range(1000):
        t_ns = round(block * 960 * NS_PER_S / (rate_hz * (1 - 69e-6)))
        ring.write(samples[block * 960 : (block + 1) * 960], t_ns)
        if block % 12 == 11:
            assert_as_alone(extractor, ring, (block + 1) * 20_000_000)
    n_windows = 1000 // 12
    assert extractor.n_computed < n_windows * 180 / 4
