"""Sample rate conversion: passband, stopband, memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from emolive.audio.levels import rms_dbfs
from emolive.audio.resample import ResampledReader, StreamResampler, resample
from emolive.buffers.audio_ring import AudioRingBuffer
from emolive.clock import NS_PER_S, to_ns
from emolive.errors import ConfigError
from emolive.time_series import Waveform
from emolive.types import AudioBlock
from tests.helpers.sounds import restless_noise, sine

RATES = [(48_000, 22_050), (44_100, 22_050), (16_000, 22_050), (48_000, 16_000), (22_050, 16_000)]
ODD_RATES_HZ = [48_001, 44_101, 47_999, 7_999, 192_000]


@pytest.mark.parametrize(("from_hz", "to_hz"), [*RATES, (48_001, 22_050)])
@pytest.mark.parametrize("hz", [100.0, 997.0, 5000.0])
def test_a_sine_keeps_frequency_phase_and_level(from_hz, to_hz, hz):
    out = resample(sine(hz, from_hz, 1.0, 0.5), from_hz, to_hz)
    assert len(out) == to_hz
    inner = slice(500, -500)
    assert_allclose(out[inner], sine(hz, to_hz, 1.0, 0.5)[inner], atol=1e-3)
    assert rms_dbfs(out[inner]) == pytest.approx(-9.03, abs=0.01)


def test_what_the_new_rate_cannot_hold_is_removed():
    assert rms_dbfs(resample(sine(15_000, 48_000, 1.0), 48_000, 22_050)[500:-500]) < -90


def test_the_same_rate_gives_a_copy_of_the_same_samples():
    sound = restless_noise(22_050, 0.1)
    copy = resample(sound, 22_050, 22_050)
    assert_array_equal(copy, sound)
    sound[0] = 9.0
    assert copy[0] != 9.0
    assert resample(np.zeros(0, np.float32), 48_000, 22_050).shape == (0,)


@pytest.mark.parametrize("shape", [(3, 4000), (2, 2, 700)])
def test_signals_side_by_side_do_not_touch_each_other(shape):
    sound = restless_noise(48_000, 1)[: np.prod(shape)].reshape(shape)
    out = resample(sound, 48_000, 22_050)
    rows = [resample(row, 48_000, 22_050) for row in sound.reshape(-1, shape[-1])]
    assert_array_equal(out.reshape(len(rows), -1), rows)
    assert out.shape[:-1] == shape[:-1]


@pytest.mark.parametrize("rates", [(0, 22_050), (48_000, -1), (44_100.5, 22_050)])
def test_impossible_rates_are_refused(rates):
    with pytest.raises(ConfigError, match="whole number of Hz above 0"):
        resample(np.zeros(10, np.float32), *rates)
    with pytest.raises(ConfigError, match="whole number of Hz above 0"):
        StreamResampler(*rates)


@pytest.mark.parametrize(("from_hz", "to_hz"), [*RATES, (48_001, 22_050), (22_050, 22_050)])
def test_streamed_resampling_equals_one_pass(from_hz, to_hz):
    rng = np.random.default_rng(0)
    stream = StreamResampler(from_hz, to_hz)
    for seed in (0, 1):
        sound = restless_noise(from_hz, 2, seed)
        cuts = np.sort(rng.integers(0, len(sound), 40))
        parts = [stream(part) for part in np.split(sound, cuts)]
        assert_array_equal(np.concatenate([*parts, stream.flush()]), resample(sound, from_hz, to_hz))


# --- windows


@pytest.mark.parametrize("from_hz", [48_000, 44_100, 16_000, 8_000, 11_025, *ODD_RATES_HZ])
def test_a_window_equals_that_of_the_full_signal(from_hz):
    """Except at its end, where later samples are missing, and for rounding to a sample of either rate."""
    sound, slope_per_s = 0.5 * sine(440, from_hz, 3), 0.5 * 2 * np.pi * 440
    is_exact = 2.4 * from_hz % 1 == 0 and 48_000 % from_hz * (44_100 % from_hz) * (192_000 % from_hz) == 0
    rounding = 0 if is_exact else slope_per_s * (0.5 / from_hz + 0.5 / 22_050)
    window = ResampledReader(22_050).read(Waveform(sound, from_hz), to_ns(2.4), 22_050)
    assert window.present.all()
    expected = 0.5 * sine(440, 22_050, 2.4)[-22_050:]
    assert_allclose(window.samples[:-100], expected[:-100], atol=2e-3 + rounding)


@pytest.mark.parametrize("from_hz", [22_050, 48_000, 44_100, 16_000, 11_025, 48_001])
def test_results_do_not_depend_on_earlier_reads(from_hz):
    waveform, rng = Waveform(restless_noise(from_hz, 6), from_hz), np.random.default_rng(0)
    used = ResampledReader(22_050)
    for _ in range(40):
        end_ns, n = int(rng.integers(-NS_PER_S, 7 * NS_PER_S)), int(rng.integers(1, 80_000))
        actual, expected = used.read(waveform, end_ns, n), ResampledReader(22_050).read(waveform, end_ns, n)
        assert_array_equal(actual.samples, expected.samples)
        assert_array_equal(actual.present, expected.present)
        assert (actual.end, actual.stable_until) == (expected.end, expected.stable_until)
        assert (actual.end, actual.generation) == used.locate(waveform, end_ns)


@pytest.mark.parametrize("from_hz", [22_050, 48_000, 16_000, 48_001])
@pytest.mark.parametrize("start_s", [0.0, 0.1234])
def test_ring_and_file_give_the_same_samples(from_hz, start_s):
    sound, block = restless_noise(from_hz, 9), from_hz // 50
    ring, start_ns = AudioRingBuffer(from_hz, 8.0), 10**12
    blocks = [sound[i : i + block] for i in range(0, len(sound), block)]
    waveform = Waveform(np.zeros(0), from_hz)
    live, offline = ResampledReader(22_050), ResampledReader(22_050)
    stamps = [to_ns(start_s) + round(i * block * NS_PER_S / from_hz) for i in range(len(blocks))]
    for t_ns, part in zip(stamps, blocks, strict=True):
        waveform.append(AudioBlock(t_ns, part, from_hz))
    for i, (t_ns, part) in enumerate(zip(stamps, blocks, strict=True)):
        ring.write(part, start_ns + t_ns)
        end_ns = t_ns // to_ns(0.24) * to_ns(0.24)
        if i % 12 == 11:
            actual, expected = (
                live.read(ring, start_ns + end_ns, 79_380),
                offline.read(waveform, end_ns, 79_380),
            )
            assert_array_equal(actual.samples, expected.samples)
            assert_array_equal(actual.present, expected.present)


def test_missing_audio_is_silent_and_not_present():
    segment = ResampledReader(22_050).read(Waveform(np.ones(48_000), 48_000), to_ns(1.5), 44_100)
    assert segment.present.tolist() == [False] * 11_025 + [True] * 22_050 + [False] * 11_025
    assert np.abs(segment.samples[12_000:32_000] - 1).max() < 1e-3
    assert not segment.samples[-5000:].any()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of address space on Windows")
@pytest.mark.parametrize("from_hz", ODD_RATES_HZ)
def test_memory_is_bounded_for_every_rate(from_hz):
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
import numpy as np
from emolive.audio.resample import ResampledReader, StreamResampler, resample
from emolive.models.input_spec import AudioSpec
from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.time_series import Waveform
samples = np.zeros({from_hz}, np.float32)
assert len(resample(samples, {from_hz}, 22_050)) == 22_050
stream = StreamResampler({from_hz}, 22_050)
assert len(stream(samples)) + len(stream.flush()) == 22_050
for kind in ("mfcc", "logmel"):
    OnlineFeatureExtractor(AudioSpec(kind=kind)).read(Waveform(samples, {from_hz}), 1_000_000_000, 22_050)
"""
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, timeout=150, cwd=root)
