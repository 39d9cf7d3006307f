"""Window extraction from tracks, waveforms and ring buffers, with missing data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.buffers.audio_ring import AudioRingBuffer
from emolive.buffers.feature_buffer import FeatureBuffer
from emolive.clock import NS_PER_S, to_ns
from emolive.models.input_spec import AudioSpec
from emolive.models.spec import ModelSpec
from emolive.time_series import FeatureTrack, Waveform
from emolive.types import AudioBlock
from emolive.windowing import FeatureWindow, centre_window_end_ns, extract_window
from tests.helpers.sounds import noise, restless_noise, spoken

LOGMEL = AudioSpec(kind="logmel", n_fft=1024, hop_length=441, n_mels=64, fmin_hz=50, fmax_hz=8000)
SPEC = ModelSpec(
    encoders=("landmarks",), landmarker="dlib68", pooling="mean", audio=LOGMEL, baselines=("none",)
)
BIN_NS = to_ns(0.24)
RATE_HZ = 22_050


def track(seconds: float = 10.0, width: int = 136) -> FeatureTrack:
    stamps = ((np.arange(round(seconds * 15)) + 0.5) / 15 * NS_PER_S).astype(np.int64)
    vectors = np.random.default_rng(0).standard_normal((len(stamps), width)).astype(np.float32)
    return FeatureTrack(stamps, vectors, np.ones(len(stamps), bool))


def speech(seconds: float, rate_hz: int) -> np.ndarray:
    """A voice over a room."""
    return spoken(rate_hz, seconds) + noise(rate_hz, seconds, -75)


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


def test_at_the_start_of_a_source_only_what_was_is_there():
    window = extract_window(track(), Waveform(speech(10, RATE_HZ), RATE_HZ), to_ns(1.2), SPEC)
    assert window.video_present.tolist() == [False] * 10 + [True] * 5
    assert window.audio_present.tolist() == [False] * 120 + [True] * 60
    assert not (window.speech & ~window.audio_present).any()


def test_past_the_end_of_a_source_only_what_was_is_there():
    window = extract_window(track(5), Waveform(speech(5, RATE_HZ), RATE_HZ), to_ns(6.2), SPEC)
    assert window.video_present.tolist() == [True] * 10 + [False] * 5
    assert window.audio_present.tolist() == [True] * 120 + [False] * 60


def test_a_face_in_less_than_a_quarter_of_the_bins_is_none():
    for bins, has_face in ((3, False), (4, True)):
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


def assert_same(actual: FeatureWindow, expected: FeatureWindow) -> None:
    for name in ("video", "video_present", "audio", "audio_present", "speech"):
        assert_array_equal(getattr(actual, name), getattr(expected, name))


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("audio", [LOGMEL, AudioSpec()], ids=["logmel", "mfcc"])
@pytest.mark.parametrize("start_s", [0.0, 0.1234])
def test_live_windows_are_those_of_the_file_bit_for_bit(rate_hz, audio, start_s):
    """A session receives block after block, an analysis has the complete file."""
    spec = ModelSpec(encoders=("landmarks",), landmarker="dlib68", pooling="mean", audio=audio)
    frames, sound, n = track(7), restless_noise(rate_hz, 7), rate_hz // 50
    origin_ns, waveform = 10**15 + 7, Waveform((), rate_hz)
    ring, vectors, extractor = (
        AudioRingBuffer(rate_hz, 8.0),
        FeatureBuffer(136, 8.0),
        OnlineFeatureExtractor(audio),
    )
    blocks = [
        AudioBlock(to_ns(start_s) + round(i * NS_PER_S / rate_hz), sound[i : i + n], rate_hz)
        for i in range(0, len(sound), n)
    ]
    for block in blocks:
        waveform.append(block)
    live = []
    for block in blocks:
        end_ns = (len(live) + 1) * BIN_NS
        if block.t_ns > end_ns:
            for t_ns, vector in zip(frames.stamps_ns, frames.vectors, strict=True):
                if t_ns <= end_ns:
                    vectors.append(origin_ns + int(t_ns), vector)
            live.append(extract_window(vectors, ring, origin_ns + end_ns, spec, extractor))
        ring.write(block.samples, origin_ns + block.t_ns)
    assert len(live) > 25
    for i, window in enumerate(live):
        assert_same(window, extract_window(frames, waveform, (i + 1) * BIN_NS, spec))


def test_a_growing_waveform_gives_the_same_windows():
    sound, grown = restless_noise(48_000, 6), Waveform((), 48_000)
    complete, extractor = Waveform(sound, 48_000), OnlineFeatureExtractor(LOGMEL)
    for i in range(0, len(sound), 1024):
        grown.append(AudioBlock(round(i * NS_PER_S / 48_000), sound[i : i + 1024], 48_000))
        if i % (11 * 1024) == 0:
            end_ns = grown.duration_ns // BIN_NS * BIN_NS
            assert_same(
                extract_window(None, grown, end_ns, SPEC, extractor),
                extract_window(None, complete, end_ns, SPEC),
            )
    assert_array_equal(grown.samples, sound)
    assert grown.duration_ns == to_ns(6)


def test_blocks_lie_at_their_times_and_gaps_are_not_present():
    ones = np.ones(100, np.float32)
    waveform = Waveform.from_blocks(
        [AudioBlock(to_ns(0.1), ones, 1000), AudioBlock(to_ns(0.4), 2 * ones, 1000)]
    )
    samples, present = waveform.read(to_ns(0.6), 600)
    assert samples.tolist() == [0] * 100 + [1] * 100 + [0] * 200 + [2] * 100 + [0] * 100
    assert present.tolist() == [False] * 100 + [True] * 100 + [False] * 200 + [True] * 100 + [False] * 100
    assert Waveform.from_blocks([]) is None


def test_a_block_that_replaces_samples_is_a_new_generation():
    waveform = Waveform(np.zeros(48_000), 48_000)
    extractor = OnlineFeatureExtractor(LOGMEL)
    extract_window(None, waveform, to_ns(0.96), SPEC, extractor)
    waveform.append(AudioBlock(to_ns(0.5), restless_noise(48_000, 0.2), 48_000))
    assert_same(
        extract_window(None, waveform, to_ns(0.96), SPEC, extractor),
        extract_window(None, waveform, to_ns(0.96), SPEC),
    )


def test_a_track_that_grows_is_the_track():
    expected, grown = track(5), FeatureTrack.empty(136)
    expected.present[3] = False
    expected.vectors[3] = 0
    for t_ns, vector, present in zip(expected.stamps_ns, expected.vectors, expected.present, strict=True):
        grown.append(int(t_ns), vector if present else None)
        grown.append(int(t_ns), vector)
    for name in ("stamps_ns", "vectors", "present"):
        assert_array_equal(getattr(grown, name), getattr(expected, name))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 20 * NS_PER_S), st.integers(0, 500))
def test_a_track_returns_the_vectors_of_an_interval(start_ns, length_ms):
    full_track = track(12)
    end_ns = start_ns + length_ms * 1_000_000
    stamps, vectors, present = full_track.between(start_ns, end_ns)
    inside = (full_track.stamps_ns >= start_ns) & (full_track.stamps_ns <= end_ns)
    assert stamps.tolist() == full_track.stamps_ns[inside].tolist()
    assert len(stamps) == len(vectors) == len(present)


@pytest.mark.parametrize("duration_s", [0.5, 3.0, 3.6, 4.1, 37.0])
def test_the_centre_window_lies_round_the_middle_on_the_grid(duration_s):
    end_ns = centre_window_end_ns(duration_s, SPEC)
    assert end_ns % BIN_NS == 0
    assert abs(end_ns - to_ns((duration_s + 3.6) / 2)) <= BIN_NS / 2


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_what_is_dropped_behind_a_window_changes_nothing(rate_hz):
    """The analysis of a long file keeps a few seconds, and gives the same windows."""
    sound = restless_noise(rate_hz, 20)
    whole, newest = Waveform((), rate_hz), Waveform((), rate_hz, keep_s=SPEC.window_s + 4)
    frames, recent = FeatureTrack.empty(136), FeatureTrack.empty(136, keep_s=SPEC.window_s + 4)
    rng, extractor = np.random.default_rng(1), OnlineFeatureExtractor(SPEC.audio)
    size, largest = rate_hz // 50, 0
    for i in range(20 * 50):
        block = AudioBlock(round(i * NS_PER_S / 50), sound[i * size : (i + 1) * size], rate_hz)
        vector = rng.standard_normal(136).astype(np.float32)
        for waveform, features in ((whole, frames), (newest, recent)):
            waveform.append(block)
            features.append(block.t_ns, vector)
        largest = max(largest, len(newest.samples))
        if i % 240 == 239:
            end_ns = (block.t_ns // BIN_NS) * BIN_NS
            assert_same(
                extract_window(recent, newest, end_ns, SPEC, extractor),
                extract_window(frames, whole, end_ns, SPEC),
            )
    assert largest < 18 * rate_hz
    assert len(recent.stamps_ns) < 18 * 50
    assert newest.duration_ns == whole.duration_ns


def test_a_long_gap_costs_no_memory_if_the_old_is_dropped():
    waveform = Waveform((), 48_000, keep_s=8)
    for start_s in (0, 40_000):
        waveform.append(AudioBlock(to_ns(start_s), np.ones(960, np.float32), 48_000))
    assert len(waveform.samples) < 10 * 48_000
    samples, present = waveform.read(to_ns(40_000.02), 1920)
    assert present.tolist() == [False] * 960 + [True] * 960
    assert samples[960:].tolist() == [1.0] * 960
