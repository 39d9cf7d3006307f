"""Speech, steady noise, silence and missing audio."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from emolive.audio.vad import detect_speech, frame_levels_dbfs
from emolive.clock import to_ns
from emolive.models.spec import AudioSpec, ModelSpec
from emolive.paths import data_dir
from emolive.windowing import Waveform, extract_window
from tests.helpers.sounds import noise, sine, voiced_bursts

RATE_HZ = 22_050
N_FRAMES = 180
ALL = np.ones(N_FRAMES, np.bool_)
SPEC = ModelSpec(
    audio=AudioSpec(kind="logmel", n_fft=1024, hop_length=441, n_mels=64, fmin_hz=50, fmax_hz=8000)
)


def speech_of(samples: np.ndarray) -> np.ndarray:
    return detect_speech(frame_levels_dbfs(samples, N_FRAMES), ALL)


def test_levels_are_dbfs_of_equal_stretches():
    square = np.tile(np.array([0.1, -0.1], np.float32), 500)
    samples = np.concatenate([square, np.zeros(1000, np.float32)])
    assert frame_levels_dbfs(samples, 4) == pytest.approx([-20, -20, -120, -120], abs=1e-3)


def test_levels_do_not_count_a_dc_offset():
    samples = noise(RATE_HZ, 1, -40)
    plain, offset = (frame_levels_dbfs(samples + dc, 50) for dc in (np.float32(0), np.float32(0.3)))
    assert offset == pytest.approx(plain, abs=0.01)
    assert frame_levels_dbfs(np.full(1000, 0.3, np.float32), 4).max() == -120


def test_too_few_samples_are_silence_and_no_frames_are_none():
    assert frame_levels_dbfs(np.ones(3, np.float32), 4).tolist() == [-120] * 4
    assert frame_levels_dbfs(np.ones(3, np.float32), 0).shape == (0,)


@pytest.mark.parametrize("dbfs", [-15, -30, -50])
def test_a_steady_noise_is_no_speech_however_loud(dbfs):
    assert not speech_of(noise(RATE_HZ, 3.6, dbfs)).any()


def test_quiet_below_the_floor_and_digital_zero_are_no_speech():
    assert not speech_of(noise(RATE_HZ, 3.6, -75)).any()
    assert not speech_of(np.zeros(79_380, np.float32)).any()


@pytest.mark.parametrize("dc", [0.0, 0.3])
def test_bursts_over_a_noise_floor_are_the_speech(dc):
    samples = noise(RATE_HZ, 3.6, -55) + np.float32(dc)
    for start_s in (0.5, 1.4, 2.6):
        at = round(start_s * RATE_HZ)
        samples[at : at + RATE_HZ // 2] += noise(RATE_HZ, 0.5, -22, seed=1)
    speech = speech_of(samples)
    starts = np.arange(N_FRAMES) * 0.02
    spoken = sum(((starts >= s) & (starts < s + 0.5)) for s in (0.5, 1.4, 2.6)).astype(bool)
    assert speech[spoken].mean() > 0.95
    assert speech[~spoken].mean() < 0.05


def test_speech_is_measured_against_the_loudest_so_an_echo_far_below_is_none():
    samples = noise(RATE_HZ, 3.6, -80)
    samples[:RATE_HZ] += noise(RATE_HZ, 1.0, -10, seed=1)
    samples[2 * RATE_HZ : 3 * RATE_HZ] += noise(RATE_HZ, 1.0, -50, seed=2)
    speech = speech_of(samples)
    assert speech[:50].all()
    assert not speech[100:150].any()


def test_what_was_not_recorded_is_not_the_silence_that_noise_is_measured_against():
    levels = np.full(N_FRAMES, -120, np.float32)
    present = np.zeros(N_FRAMES, np.bool_)
    levels[-60:], present[-60:] = frame_levels_dbfs(noise(RATE_HZ, 1.2, -20), 60), True
    assert not detect_speech(levels, present).any()
    levels[-30:] += 20
    assert detect_speech(levels, present).tolist() == [False] * 150 + [True] * 30


@pytest.mark.parametrize("n", [0, 5, 9])
def test_a_few_recorded_frames_decide_nothing(n):
    present = np.zeros(N_FRAMES, np.bool_)
    present[:n] = True
    assert not detect_speech(np.full(N_FRAMES, -10, np.float32), present).any()


def speech_by_window(samples: np.ndarray, rate_hz: int) -> list[float]:
    """Seconds of speech in each of the windows of a file, as `FileAnalyzer` sees them."""
    waveform = Waveform(samples, rate_hz)
    ends = range(1, int(len(samples) / rate_hz / 0.24) + 1)
    windows = [extract_window(None, waveform, end * to_ns(0.24), SPEC) for end in ends]
    return [float(window.speech.sum()) * 0.02 for window in windows]


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("kind", ["hum", "noise", "hum on an offset"])
def test_a_hum_from_the_start_on_is_never_speech(rate_hz, kind):
    signals = {
        "hum": sine(50, rate_hz, 5, 0.3),
        "noise": noise(rate_hz, 5, -25),
        "hum on an offset": sine(50, rate_hz, 5, 0.05) + np.float32(0.3),
    }
    assert max(speech_by_window(signals[kind], rate_hz)) == 0


def test_dc_offset_does_not_hide_speech():
    plain = voiced_bursts(48_000, 5) + noise(48_000, 5, -70)
    assert speech_by_window(plain + np.float32(0.3), 48_000) == pytest.approx(
        speech_by_window(plain, 48_000), abs=0.05
    )


@pytest.mark.data
@pytest.mark.parametrize(("name", "is_voice"), [("hum_only.flac", False), ("dc_speech.flac", True)])
def test_recorded_cases(name, is_voice):
    path = data_dir().resolve().parent / "cases" / name
    if not path.is_file():
        pytest.skip(f"{path} is not on this computer")
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    speech_s = speech_by_window(samples.mean(axis=1), rate_hz)
    if is_voice:
        without_dc = speech_by_window(samples.mean(axis=1) - samples.mean(), rate_hz)
        assert speech_s == pytest.approx(without_dc, abs=0.05)
        assert 0.3 < max(speech_s) < 3.5
    else:
        assert max(speech_s) == 0
