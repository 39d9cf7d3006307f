"""Speech, what is not speech however loud it is, and what was not recorded."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_array_equal

from emolive.audio import vad
from emolive.audio.levels import frame_levels_dbfs
from emolive.audio.resample import resample
from emolive.audio.vad import SpeechDetector, bin_probabilities, speech_of_frames, steps_in
from emolive.buffers.audio_ring import AudioRingBuffer
from emolive.clock import NS_PER_S, to_ns
from emolive.errors import EmoliveError
from emolive.models.input_spec import AudioSpec
from emolive.models.spec import ModelSpec
from emolive.paths import MANIFEST, assets_dir, data_dir
from emolive.time_series import Waveform
from emolive.types import AudioBlock, FloatArray
from emolive.windowing import extract_window
from tests.helpers.sounds import music, noise, restless_noise, sine, spoken, tremolo

BIN_NS = to_ns(vad.BIN_S)
N_STEPS = 30
SPEC = ModelSpec(
    audio=AudioSpec(kind="logmel", n_fft=1024, hop_length=441, n_mels=64, fmin_hz=50, fmax_hz=8000)
)
EVERYWHERE = np.ones(vad.CONTEXT, np.bool_)


def probabilities(samples: FloatArray, rate_hz: int) -> FloatArray:
    """(steps,) of a whole sound."""
    n_bins = int(len(samples) / rate_hz / vad.BIN_S)
    return SpeechDetector().read(Waveform(samples, rate_hz), n_bins * BIN_NS, n_bins * vad.STEPS_PER_BIN)


def share_of_loud_steps(samples: FloatArray, rate_hz: int) -> float:
    """Share of speech among the steps that are at most 20 dB below the loudest."""
    found = probabilities(samples, rate_hz)
    n = round(len(found) * vad.STEP_S * rate_hz)
    levels = frame_levels_dbfs(samples[:n], len(found))
    return float((found >= vad.SPEECH_PROBABILITY)[levels > levels.max() - 20].mean())


def voices(samples: FloatArray, rate_hz: int) -> list[bool]:
    """Which windows of a file have a voice."""
    waveform, n = Waveform(samples, rate_hz), int(len(samples) / rate_hz / vad.BIN_S)
    windows = [extract_window(None, waveform, end * BIN_NS, SPEC) for end in range(1, n + 1)]
    return [window.has_voice(SPEC.window_s) for window in windows]


def gained(samples: FloatArray, db: float) -> FloatArray:
    """Louder or softer, clipped at full scale as a recording is."""
    return np.clip(samples * np.float32(10 ** (db / 20)), -1, 1)


NOT_SPEECH = {
    "hum": lambda rate_hz: sine(50, rate_hz, 5, 0.3),
    "hum on an offset": lambda rate_hz: sine(50, rate_hz, 5, 0.05) + np.float32(0.3),
    "noise": lambda rate_hz: noise(rate_hz, 5, -25),
    "loud noise": lambda rate_hz: np.clip(noise(rate_hz, 5, -10), -1, 1),
    "noise in bursts": lambda rate_hz: noise(rate_hz, 5, -20) * tremolo(rate_hz, 5, beats_hz=3),
    "tone with tremolo": lambda rate_hz: tremolo(rate_hz, 5),
    "low tone with tremolo": lambda rate_hz: tremolo(rate_hz, 5, 110, 5.5),
    "high tone with tremolo": lambda rate_hz: tremolo(rate_hz, 5, 1000, 6),
    "music": lambda rate_hz: music(rate_hz, 5),
    "nobody": lambda rate_hz: noise(rate_hz, 5, -80),
    "digital silence": lambda rate_hz: np.zeros(5 * rate_hz, np.float32),
    "an offset": lambda rate_hz: np.full(5 * rate_hz, 0.3, np.float32),
}


@pytest.mark.parametrize("kind", NOT_SPEECH)
def test_what_is_no_speech_is_none_in_any_window(kind):
    assert not any(voices(NOT_SPEECH[kind](48_000), 48_000))


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
def test_the_demo_s_voice_is_speech_at_every_rate(rate_hz):
    assert share_of_loud_steps(spoken(rate_hz, 6), rate_hz) > 0.7


@pytest.mark.parametrize("db", [-24, -12, 12, 24])
def test_the_level_does_not_decide(db):
    assert share_of_loud_steps(gained(spoken(48_000, 6), db), 48_000) > 0.7


def test_an_offset_changes_nothing():
    plain = spoken(16_000, 5)
    found, expected = (probabilities(plain + np.float32(dc), 16_000) for dc in (0.3, 0.0))
    assert found == pytest.approx(expected, abs=0.02)


def test_a_bin_depends_on_its_own_context_alone():
    sound = spoken(16_000, 5)
    part = sound[-vad.CONTEXT :]
    expected = bin_probabilities(part, EVERYWHERE)
    assert expected.min() > 0
    alone = SpeechDetector().read(Waveform(part, 16_000), to_ns(vad.CONTEXT / 16_000), vad.STEPS_PER_BIN)
    assert_array_equal(alone, expected)
    assert_array_equal(SpeechDetector().read(Waveform(sound, 16_000), to_ns(5), 2), expected)


def test_sound_before_a_hole_changes_nothing():
    part, present = spoken(16_000, 5)[-vad.CONTEXT :], EVERYWHERE.copy()
    present[9_900:10_000] = False
    other = part.copy()
    other[:9_900] = noise(16_000, 1, -6)[:9_900]
    assert_array_equal(bin_probabilities(part, present), bin_probabilities(other, present))


def test_a_bin_that_was_recorded_in_part_is_decided_by_that_part():
    part, present = spoken(16_000, 5)[-vad.CONTEXT :], EVERYWHERE.copy()
    whole = bin_probabilities(part, present)
    present[-2_000:] = False
    found = bin_probabilities(np.where(present, part, 0), present)
    assert found[0] == pytest.approx(whole[0], abs=0.3)
    assert found[1] == 0
    present[-4_000:] = False
    assert not bin_probabilities(np.where(present, part, 0), present).any()
    assert not bin_probabilities(part, np.zeros(vad.CONTEXT, np.bool_)).any()


def test_each_bin_is_computed_once():
    detector, waveform = SpeechDetector(), Waveform(spoken(48_000, 8), 48_000)
    for end in range(1, 30):
        detector.read(waveform, end * BIN_NS, N_STEPS)
    assert detector.n_computed == 15 + 28


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000, 48_001])
@pytest.mark.parametrize("start_s", [0.0, 0.1234])
def test_streamed_probabilities_are_those_of_the_file_bit_for_bit(rate_hz, start_s):
    sound, n, origin_ns = spoken(rate_hz, 6) + restless_noise(rate_hz, 6) / 50, rate_hz // 50, 10**15 + 7
    ring, detector, whole = AudioRingBuffer(rate_hz, 8.0), SpeechDetector(), Waveform((), rate_hz)
    stamps = [to_ns(start_s) + round(i * NS_PER_S / rate_hz) for i in range(0, len(sound), n)]
    blocks = [AudioBlock(t, sound[i * n : (i + 1) * n], rate_hz) for i, t in enumerate(stamps)]
    for block in blocks:
        whole.append(block)
    n_bins = 0
    for block in blocks:
        if block.t_ns > (n_bins + 1) * BIN_NS:
            n_bins += 1
            streamed = detector.read(ring, origin_ns + n_bins * BIN_NS, N_STEPS)
            # A new detector has seen nothing before.
            assert_array_equal(streamed, SpeechDetector().read(whole, n_bins * BIN_NS, N_STEPS))
        ring.write(block.samples, origin_ns + block.t_ns)
    assert n_bins > 20


def test_what_is_rewritten_is_computed_anew():
    detector, waveform = SpeechDetector(), Waveform(np.zeros(96_000, np.float32), 48_000)
    assert not detector.read(waveform, to_ns(1.92), 16).any()
    waveform.append(AudioBlock(0, spoken(48_000, 2), 48_000))
    assert_array_equal(
        detector.read(waveform, to_ns(1.92), 16), SpeechDetector().read(waveform, to_ns(1.92), 16)
    )


def test_frames_take_the_step_in_which_their_middle_lies():
    assert speech_of_frames(np.array([0.9, 0.1, 0.5], np.float32), 6, 0.36).tolist() == [
        *[True] * 2,
        *[False] * 2,
        *[True] * 2,
    ]
    assert speech_of_frames(np.array([0.0, 1.0], np.float32), 3, 0.18).tolist() == [False, True, True]
    assert [steps_in(seconds) for seconds in (3.6, 0.5, 0.12, 0.13)] == [30, 5, 1, 2]


def test_a_damaged_network_is_refused(tmp_path, monkeypatch):
    (tmp_path / "audio").mkdir()
    shutil.copy(assets_dir() / MANIFEST, tmp_path)
    content = (assets_dir() / "audio" / "silero_vad.onnx").read_bytes()
    (tmp_path / "audio" / "silero_vad.onnx").write_bytes(content[:-1])
    monkeypatch.setenv("EMOLIVE_ASSETS", str(tmp_path))
    vad._session.cache_clear()
    with pytest.raises(EmoliveError, match="damaged"):
        probabilities(spoken(16_000, 1), 16_000)


# --- real sound


def cases(name: str) -> Path:
    path = data_dir().parent / "cases" / name
    if not path.is_file():
        pytest.skip(f"{path} is not on this computer")
    return path


def ravdess(name: str) -> Path:
    path = data_dir() / "ravdess" / "audio_22050_flac" / f"Actor_{name[-2:]}" / f"03-01-{name}.flac"
    if not path.is_file():
        pytest.skip(f"{path} is not on this computer: set EMOLIVE_DATA")
    return path


def mono(path: Path) -> tuple[FloatArray, int]:
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return samples.mean(axis=1), rate_hz


@pytest.mark.data
def test_a_recorded_hum_is_no_voice():
    assert not any(voices(*mono(cases("hum_only.flac"))))


@pytest.mark.data
@pytest.mark.parametrize("name", ["dc_speech.flac", "speech_20dB_softer.flac"])
def test_recorded_speech_is_found(name):
    samples, rate_hz = mono(cases(name))
    assert share_of_loud_steps(samples, rate_hz) > 0.85
    assert any(voices(samples, rate_hz))


@pytest.mark.data
@pytest.mark.parametrize("name", ["01-01-01-01-08", "05-02-02-01-15", "04-01-01-02-24", "06-02-01-01-01"])
def test_speech_of_actors_is_found_at_every_level(name):
    samples, rate_hz = mono(ravdess(name))
    for db in (-24, -12, 0, 12, 24):
        assert share_of_loud_steps(gained(samples, db), rate_hz) > 0.75, db


@pytest.mark.data
@pytest.mark.parametrize("name", ["03-01-01-01-08", "05-02-02-01-15", "08-01-01-02-24"])
def test_a_clip_that_starts_within_speech_has_a_voice_at_once(name):
    samples, rate_hz = mono(ravdess(name))
    sound = resample(samples, rate_hz, 48_000)
    levels = frame_levels_dbfs(sound, int(len(sound) / 4_800))
    loud = int(np.argmax(levels > levels.max() - 15)) + 2
    assert voices(sound[loud * 4_800 :], 48_000)[1]
