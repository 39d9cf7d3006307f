"""From frames and sound to a window: pooling, speech, and what is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.audio.vad import detect_speech, frame_levels_dbfs
from emolive.clock import NS_PER_S, to_ns
from emolive.models.spec import AudioSpec, ModelSpec
from emolive.pooling import pool
from emolive.vision.frame_sampler import VIDEO_FEATURE_HZ, FrameSampler
from emolive.windowing import (
    FeatureTrack,
    Waveform,
    centre_window_end_ns,
    extract_window,
)

LOGMEL = AudioSpec(kind="logmel", n_fft=1024, hop_length=441, n_mels=64, fmin_hz=50, fmax_hz=8000)
SPEC = ModelSpec(
    encoders=("landmarks",), landmarker="dlib68", pooling="mean", audio=LOGMEL, baselines=("none",)
)
BIN_NS = to_ns(0.24)


def pooled(stamps, vectors, present=None, *, pooling="mean", end_ns=3 * BIN_NS, bins=3):
    stamps = np.asarray(stamps, np.int64)
    vectors = np.asarray(vectors, np.float32).reshape(len(stamps), -1)
    present = np.ones(len(stamps), bool) if present is None else np.asarray(present)
    return pool(stamps, vectors, present, end_ns, window_s=0.24 * bins, bins=bins, pooling=pooling)


# --- pool


def test_mean_is_the_mean_and_behind_it_the_deviation():
    there = [0.1 * NS_PER_S, 0.2 * NS_PER_S]
    bins, present = pooled(there, [[1, 10], [3, 10]])
    assert bins.tolist() == [[2, 10, 1, 0], [0] * 4, [0] * 4]
    assert present.tolist() == [True, False, False]


def test_middle_takes_the_vector_nearest_to_the_middle_of_the_bin():
    bins, present = pooled([10, BIN_NS // 2 - 9, BIN_NS // 2 + 8, BIN_NS], [1, 2, 3, 4], pooling="middle")
    assert bins[:, 0].tolist() == [3, 0, 0]
    assert present.tolist() == [True, False, False]


@pytest.mark.parametrize("pooling", ["mean", "middle"])
def test_a_bin_holds_its_end_and_not_its_start(pooling):
    bins, present = pooled([0, BIN_NS, BIN_NS + 1, 3 * BIN_NS], [9, 1, 2, 3], pooling=pooling)
    assert bins[:, 0].tolist() == [1, 2, 3]
    assert present.all()


def test_frames_without_a_face_are_not_looked_at():
    bins, present = pooled([1, 2, BIN_NS + 1], [[5], [np.nan], [np.nan]], [True, False, False])
    assert bins.tolist() == [[5, 0], [0, 0], [0, 0]]
    assert present.tolist() == [True, False, False]


def test_no_frames_at_all_are_a_window_without_bins():
    bins, present = pool(
        np.zeros(0, np.int64),
        np.zeros((0, 136), np.float32),
        np.zeros(0, bool),
        0,
        window_s=3.6,
        bins=15,
        pooling="mean",
    )
    assert (bins.shape, bins.any(), present.any()) == ((15, 272), False, False)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-BIN_NS, 4 * BIN_NS), st.booleans()), min_size=1, max_size=40))
def test_a_bin_is_there_if_a_face_is_in_it(frames):
    stamps, present = zip(*sorted(frames), strict=True)
    _, there = pooled(stamps, np.ones(len(stamps)), present)
    expected = [
        any(p and i * BIN_NS < s <= (i + 1) * BIN_NS for s, p in zip(stamps, present, strict=True))
        for i in range(3)
    ]
    assert there.tolist() == expected


# --- loudness and speech

RATE_HZ = 22_050
STEPS = 180


def noise(dbfs: float, seconds: float = 3.6, seed: int = 0) -> np.ndarray:
    samples = np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))
    return (samples * 10 ** (dbfs / 20)).astype(np.float32)


def test_levels_are_dbfs_of_equal_stretches():
    samples = np.concatenate([np.full(1000, 0.1, np.float32), np.zeros(1000, np.float32)])
    assert frame_levels_dbfs(samples, 4) == pytest.approx([-20, -20, -120, -120], abs=1e-3)


def test_too_few_samples_are_silence_and_no_steps_are_none():
    assert frame_levels_dbfs(np.ones(3, np.float32), 4).tolist() == [-120] * 4
    assert frame_levels_dbfs(np.ones(3, np.float32), 0).shape == (0,)


@pytest.mark.parametrize("dbfs", [-15, -30, -50])
def test_a_steady_hum_is_no_speech_however_loud(dbfs):
    assert not detect_speech(frame_levels_dbfs(noise(dbfs), STEPS)).any()


def test_quiet_below_the_floor_and_digital_zero_are_no_speech():
    assert not detect_speech(frame_levels_dbfs(noise(-75), STEPS)).any()
    assert not detect_speech(frame_levels_dbfs(np.zeros(79_380, np.float32), STEPS)).any()


def test_bursts_over_a_noise_floor_are_the_speech():
    samples = noise(-55)
    for start_s in (0.5, 1.4, 2.6):
        at = round(start_s * RATE_HZ)
        samples[at : at + RATE_HZ // 2] += noise(-22, 0.5, seed=1)
    speech = detect_speech(frame_levels_dbfs(samples, STEPS))
    starts = np.arange(STEPS) * 0.02
    spoken = sum(((starts >= s) & (starts < s + 0.5)) for s in (0.5, 1.4, 2.6)).astype(bool)
    assert speech[spoken].mean() > 0.95
    assert speech[~spoken].mean() < 0.05


def test_speech_is_measured_against_the_loudest_so_an_echo_far_below_is_none():
    samples = noise(-80)
    samples[:RATE_HZ] += noise(-10, 1.0, seed=1)
    samples[2 * RATE_HZ : 3 * RATE_HZ] += noise(-50, 1.0, seed=2)
    speech = detect_speech(frame_levels_dbfs(samples, STEPS))
    assert speech[:50].all()
    assert not speech[100:150].any()


# --- which frames are looked at


@settings(max_examples=40, deadline=None)
@given(
    rate_hz=st.floats(5, 120),
    jitter=st.floats(0, 0.45),
    seed=st.integers(0, 2**16),
    origin_ns=st.integers(0, 10**15),
    pooling=st.sampled_from(["mean", "middle"]),
)
def test_the_sampler_takes_the_first_frame_of_every_slot_that_has_one(
    rate_hz, jitter, seed, origin_ns, pooling
):
    spec = replace(SPEC, pooling=pooling)
    sampler = FrameSampler(spec, origin_ns)
    wobble = np.random.default_rng(seed).uniform(-jitter, jitter, round(4 * rate_hz))
    stamps = origin_ns + np.sort((np.arange(len(wobble)) + wobble) / rate_hz * NS_PER_S).astype(np.int64)
    stamps = np.unique(stamps)
    period_ns = NS_PER_S / VIDEO_FEATURE_HZ if pooling == "mean" else spec.bin_s * NS_PER_S
    start_ns = origin_ns + (-round(period_ns / 4) if pooling == "mean" else BIN_NS // 2)
    slots = [int((t - start_ns) // period_ns) for t in stamps.tolist()]
    taken = [slot for slot, t in zip(slots, stamps.tolist(), strict=True) if sampler.accept(t)]
    assert taken == sorted({slot for slot in slots if slot >= 0})


@pytest.mark.parametrize("rate_hz", [15, 24, 25, 29.97, 30, 60])
@pytest.mark.parametrize("jitter_s", [0, 0.005])
def test_a_camera_fast_enough_fills_every_slot(rate_hz, jitter_s):
    sampler = FrameSampler(SPEC, 0)
    wobble = np.random.default_rng(0).uniform(-jitter_s, jitter_s, round(10 * rate_hz))
    taken = sum(sampler.accept(round((i / rate_hz + w) * NS_PER_S)) for i, w in enumerate(wobble))
    assert abs(taken - 10 * VIDEO_FEATURE_HZ) <= 1


def test_the_sampler_asks_only_for_times_that_were_not_yet():
    sampler = FrameSampler(SPEC, 1_000)
    assert sampler.accept(1_000)
    assert not sampler.accept(1_000)
    assert not sampler.accept(500)


# --- gather


class Recorded:
    """Sound whose every read is remembered."""

    def __init__(self, samples: np.ndarray, rate_hz: int) -> None:
        self.sound = Waveform(samples, rate_hz)
        self.rate_hz = rate_hz
        self.reads: list[tuple[int, int]] = []

    def read_segment(self, end_ns: int, n: int):
        self.reads.append((end_ns, n))
        return self.sound.read_segment(end_ns, n)


def track(seconds: float = 10.0, width: int = 136) -> FeatureTrack:
    stamps = ((np.arange(round(seconds * 15)) + 0.5) / 15 * NS_PER_S).astype(np.int64)
    vectors = np.random.default_rng(0).standard_normal((len(stamps), width)).astype(np.float32)
    return FeatureTrack(stamps, vectors, np.ones(len(stamps), bool))


def speech(seconds: float, rate_hz: int) -> np.ndarray:
    """Bursts of a voiced sound, the same at every rate."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    voiced = sum(np.sin(2 * np.pi * f * t) / f for f in (150, 300, 450, 900, 1500)) * 30
    return (0.3 * voiced * (np.sin(2 * np.pi * 1.3 * t) > 0)).astype(np.float32)


def test_a_window_of_everything_has_face_and_voice():
    window = extract_window(track(), Waveform(speech(10, RATE_HZ), RATE_HZ), to_ns(6), SPEC)
    assert window.end_ns == to_ns(6)
    assert window.video.shape == (15, 272)
    assert window.audio.shape == (180, 64)
    assert window.has_face
    assert window.has_voice(SPEC.window_s)
    assert window.video_present.all()
    assert window.audio_present.all()


def test_missing_streams_are_zero_and_absent_throughout():
    window = extract_window(None, None, to_ns(6), SPEC)
    assert (window.video.shape, window.audio.shape) == ((15, 272), (180, 64))
    for part in (window.video, window.video_present, window.audio, window.audio_present, window.speech):
        assert not part.any()
    assert not window.has_face
    assert not window.has_voice(SPEC.window_s)
    assert window.level_dbfs == -120


def test_at_the_start_of_a_source_only_what_was_is_there():
    window = extract_window(track(), Waveform(speech(10, RATE_HZ), RATE_HZ), to_ns(1.2), SPEC)
    assert window.video_present.tolist() == [False] * 10 + [True] * 5
    assert window.audio_present.tolist() == [False] * 120 + [True] * 60
    assert not (window.speech & ~window.audio_present).any()


def test_past_the_end_of_a_source_only_what_was_is_there():
    window = extract_window(track(5), Waveform(speech(5, RATE_HZ), RATE_HZ), to_ns(6.2), SPEC)
    assert window.video_present.tolist() == [True] * 10 + [False] * 5
    assert window.audio_present.tolist() == [True] * 120 + [False] * 60


def test_a_face_in_less_than_a_third_of_the_bins_is_none():
    for bins, has_face in ((4, False), (5, True)):
        assert extract_window(track(), None, bins * BIN_NS, SPEC).has_face is has_face


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_sound_at_its_native_rate_gives_the_features_of_the_model_s_rate(rate_hz):
    here = extract_window(None, Waveform(speech(6, RATE_HZ), RATE_HZ), to_ns(5.04), SPEC)
    native = extract_window(None, Waveform(speech(6, rate_hz), rate_hz), to_ns(5.04), SPEC)
    loud = here.audio > -60
    assert loud.mean() > 0.1
    # The edges of the bursts differ by a fraction of a sample.
    assert np.median(np.abs(here.audio - native.audio)[loud]) < 0.5
    assert (here.speech == native.speech).mean() > 0.97
    assert native.audio_present.all()


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 48_000])
@pytest.mark.parametrize("spec", [LOGMEL, AudioSpec()])
def test_one_read_ends_with_the_window_and_reaches_far_enough_back(spec, rate_hz):
    sound = Recorded(speech(6, rate_hz), rate_hz)
    steps, present, levels = OnlineFeatureExtractor(spec).read(sound, to_ns(5), 79_380)
    ((end_ns, n),) = sound.reads
    assert end_ns == to_ns(5)
    assert n / rate_hz >= (79_380 + spec.lead) / 22_050 - 1e-9
    assert len(steps) == len(present) == len(levels) == spec.steps(79_380)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 20 * NS_PER_S), st.integers(0, 500))
def test_a_track_gives_what_lies_between(start_ns, length_ms):
    atomic_write = track(12)
    end_ns = start_ns + length_ms * 1_000_000
    stamps, vectors, present = atomic_write.between(start_ns, end_ns)
    inside = (atomic_write.stamps_ns >= start_ns) & (atomic_write.stamps_ns <= end_ns)
    assert stamps.tolist() == atomic_write.stamps_ns[inside].tolist()
    assert len(stamps) == len(vectors) == len(present)


@pytest.mark.parametrize("duration_s", [0.5, 3.0, 3.6, 4.1, 37.0])
def test_the_centre_window_lies_round_the_middle_on_the_grid(duration_s):
    end_ns = centre_window_end_ns(duration_s, SPEC)
    assert end_ns % BIN_NS == 0
    assert abs(end_ns - to_ns((duration_s + 3.6) / 2)) <= BIN_NS / 2
