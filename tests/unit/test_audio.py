"""Features, resampling and level against what can be known of sines, steps and silence."""

import importlib
import sys

import numpy as np
import pytest
import torch

from emolive._compat.torchaudio import torchaudio
from emolive.audio import features as audio
from emolive.audio.levels import level_dbfs
from emolive.banded import Banded
from emolive.errors import EmoliveError
from emolive.models.spec import AudioSpec

MFCC = AudioSpec()
LOGMEL = AudioSpec(kind="logmel", n_mels=64)


def sine(hz: float, rate_hz: int, seconds: float, amplitude: float = 1.0) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(
        np.float32
    )


def speechlike(n: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    loudness = np.repeat(10 ** generator.uniform(-4, -0.5, n // 2000 + 1), 2000)[:n]
    return (loudness * generator.standard_normal(n)).astype(np.float32)


@pytest.mark.parametrize(
    "spec",
    [
        MFCC,
        LOGMEL,
        AudioSpec(kind="logmel", rate_hz=16_000, n_fft=1024, hop_length=320, n_mels=40, fmax_hz=8000),
    ],
)
@pytest.mark.parametrize("n", [5000, 79_380])
def test_shape_is_what_the_spec_says(spec, n):
    out = audio.features(np.zeros((2, 3, spec.lead + n), np.float32), spec)
    assert out.shape == (2, 3, spec.channels, spec.steps(n))
    assert out.dtype == torch.float32
    assert audio.features(np.zeros(spec.lead + n, np.float32), spec).shape == (spec.channels, spec.steps(n))


def test_published_window_is_10_by_156():
    assert audio.features(np.zeros(79_380, np.float32), MFCC).shape == (10, 156)


def test_mfcc_of_silence_is_its_floor():
    out = audio.features(np.zeros(22_050, np.float32), MFCC)
    torch.testing.assert_close(out[0], torch.full_like(out[0], -100 * 128**0.5), atol=1e-2, rtol=0)
    assert out[1:].abs().max() < 1e-2


@pytest.mark.parametrize("spec", [MFCC, LOGMEL])
def test_windows_of_a_batch_do_not_touch_each_other(spec):
    loud, quiet = speechlike(30_000), 1e-4 * speechlike(30_000, seed=1)
    together = audio.features(np.stack([loud, quiet]), spec)
    torch.testing.assert_close(together[1], audio.features(quiet, spec), atol=1e-3, rtol=0)


def test_logmel_step_sees_exactly_the_samples_that_end_with_it():
    n, step = 8 * LOGMEL.hop_length, 5
    sound = speechlike(LOGMEL.left_context + n)
    before = audio.features(sound, LOGMEL)
    end = LOGMEL.left_context + (step + 1) * LOGMEL.hop_length
    changed = sound.copy()
    changed[end:] = 0.3
    changed[: end - LOGMEL.n_fft] = -0.3
    after = audio.features(changed, LOGMEL)
    torch.testing.assert_close(after[:, step], before[:, step], atol=1e-5, rtol=0)
    assert (after[:, step - 1] - before[:, step - 1]).abs().max() > 0.1
    assert (after[:, step + 1] - before[:, step + 1]).abs().max() > 0.1


@pytest.mark.parametrize("chunk_steps", [1, 3, 7])
def test_logmel_streamed_in_chunks_equals_the_whole(chunk_steps):
    n = 21 * LOGMEL.hop_length
    sound = speechlike(LOGMEL.left_context + n)
    atomic_write = audio.features(sound, LOGMEL)
    chunk = chunk_steps * LOGMEL.hop_length
    parts = [audio.features(sound[i : i + LOGMEL.left_context + chunk], LOGMEL) for i in range(0, n, chunk)]
    torch.testing.assert_close(torch.cat(parts, dim=-1), atomic_write, atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize("hz", [120, 300, 997, 2500, 6000])
def test_full_scale_sine_is_about_0_db_in_its_band_and_quiet_elsewhere(hz):
    out = audio.features(sine(hz, 22_050, 1.0), LOGMEL)
    power = (10 ** (out / 10)).sum(dim=0)
    assert torch.all(out.max(dim=0).values > -4)
    assert torch.all((10 * power.log10()).abs() < 1.0)
    assert (out > -30).float().mean() < 0.25


def test_logmel_follows_amplitude_down_to_its_floor():
    loud, soft = (audio.features(sine(997, 22_050, 0.5, a), LOGMEL).max() for a in (1.0, 0.01))
    assert float(loud - soft) == pytest.approx(40, abs=0.01)
    assert audio.features(np.zeros(22_050, np.float32), LOGMEL).unique().tolist() == [
        pytest.approx(-80, abs=1e-4)
    ]


@pytest.mark.parametrize(("spec", "n"), [(MFCC, 0), (LOGMEL, 2047)])
def test_too_few_samples_are_refused(spec, n):
    with pytest.raises(EmoliveError, match=f"at least .* samples, and there are {n}"):
        audio.features(np.zeros(n, np.float32), spec)


def test_features_take_a_read_only_view_and_leave_no_gradient(recwarn):
    sound = speechlike(22_050)
    sound.flags.writeable = False
    out = audio.features(sound, MFCC)
    assert not out.requires_grad
    assert not out.is_inference()
    assert not recwarn.list


@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(48_000, 22_050), (44_100, 22_050), (16_000, 22_050), (48_000, 16_000)]
)
@pytest.mark.parametrize("hz", [100.0, 997.0, 5000.0])
def test_resampled_sine_keeps_frequency_phase_and_level(from_hz, to_hz, hz):
    out = audio.resample(sine(hz, from_hz, 1.0, 0.5), from_hz, to_hz).numpy()
    assert len(out) == to_hz
    inner = slice(500, -500)
    np.testing.assert_allclose(out[inner], sine(hz, to_hz, 1.0, 0.5)[inner], atol=5e-3)
    assert level_dbfs(out[inner]) == pytest.approx(-9.03, abs=0.05)


def test_resampling_removes_what_the_new_rate_cannot_hold():
    assert level_dbfs(audio.resample(sine(15_000, 48_000, 1.0), 48_000, 22_050)[500:-500]) < -50


def test_resampling_to_the_same_rate_changes_nothing():
    sound = speechlike(1000)
    np.testing.assert_array_equal(audio.resample(sound, 22_050, 22_050), sound)
    assert audio.resample(np.zeros(0, np.float32), 48_000, 22_050).shape == (0,)


@pytest.mark.parametrize("rates", [(0, 22_050), (48_000, -1), (44_100.5, 22_050)])
def test_impossible_rates_are_refused(rates):
    with pytest.raises(EmoliveError, match="whole number of Hz above 0"):
        audio.resample(np.zeros(10, np.float32), *rates)


@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(48_000, 22_050), (44_100, 22_050), (16_000, 22_050), (48_000, 16_000)]
)
@pytest.mark.parametrize("shape", [(1,), (321,), (5000,), (3, 4001), (2, 2, 700), (2, 0)])
def test_resampling_is_torchaudio_s(from_hz, to_hz, shape):
    sound = torch.from_numpy(speechlike(int(np.prod(shape)))).view(shape)
    found = audio.resample(sound, from_hz, to_hz)
    if not sound.numel():
        assert found.shape == sound.shape
        return
    expected = torchaudio.transforms.Resample(from_hz, to_hz, lowpass_filter_width=16)(sound)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_features_are_torchaudio_s():
    """What the shipped models were trained on was computed by these transforms."""
    sound = torch.from_numpy(speechlike(79_380))
    shared = {"n_fft": LOGMEL.n_fft, "hop_length": LOGMEL.hop_length, "n_mels": LOGMEL.n_mels}
    spectrum = torchaudio.transforms.MelSpectrogram(
        22_050, **shared, center=False, f_max=LOGMEL.fmax_hz, mel_scale="slaney"
    )
    power = spectrum(sound) * 4 / (LOGMEL.n_fft * float((spectrum.spectrogram.window**2).sum()))
    expected = 10 * power.clamp_min(1e-8).log10()
    torch.testing.assert_close(audio.features(sound, LOGMEL), expected, atol=1e-4, rtol=0)
    shared = {"n_fft": MFCC.n_fft, "hop_length": MFCC.hop_length, "n_mels": MFCC.n_mels}
    slaney = {"f_max": MFCC.fmax_hz, "pad_mode": "constant", "norm": "slaney", "mel_scale": "slaney"}
    mfcc = torchaudio.transforms.MFCC(22_050, MFCC.n_mfcc, melkwargs=shared | slaney)
    torch.testing.assert_close(audio.features(sound, MFCC), mfcc(sound), atol=1e-3, rtol=1e-6)


def test_an_array_may_go_on_changing():
    sound = speechlike(1000)
    kept = audio.resample(sound, 22_050, 22_050)
    first = float(sound[0])
    sound[:] = 9.0
    assert float(kept[0]) == first


@pytest.mark.parametrize("columns", [1, 5, 64])
def test_a_banded_product_is_the_product(columns):
    random = torch.Generator().manual_seed(0)
    matrix = torch.randn(120, 33, generator=random)
    rows, places = torch.arange(120)[:, None], 3 * torch.arange(33)[None] + 4
    matrix[(rows - places).abs() > 6] = 0
    matrix[:, 7] = 0
    x = torch.randn(1000, generator=random).unfold(0, 120, 40)
    torch.testing.assert_close(Banded(matrix, columns)(x), x @ matrix, atol=1e-4, rtol=0)
    assert not Banded(torch.zeros(120, 4), columns)(x).any()


def test_level():
    assert level_dbfs(sine(997, 48_000, 1.0)) == pytest.approx(-3.01, abs=0.01)
    assert level_dbfs(torch.ones(100)) == pytest.approx(0, abs=1e-6)
    assert level_dbfs(np.full(100, 0.1, np.float32)) == pytest.approx(-20, abs=1e-3)
    assert level_dbfs(np.zeros(100, np.float32)) == -120
    assert level_dbfs(np.zeros(0, np.float32)) == -120
    assert level_dbfs(np.array([np.nan, 1.0], np.float32)) == -120


class _Blocked:
    """Makes torchaudio's compiled extension fail to load, as beside a torch that does not fit it."""

    def find_spec(self, name, path=None, target=None):
        if name == "torchaudio._extension":
            raise OSError("libc10_cuda.so: cannot open shared object file")


@pytest.fixture
def fresh_torchaudio():
    mine = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "torchaudio"}
    wrapper = sys.modules.pop("emolive._compat.torchaudio")
    for name in mine:
        del sys.modules[name]
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
        del sys.modules[name]
    sys.modules.update(mine)
    sys.modules["emolive._compat.torchaudio"] = wrapper


@pytest.mark.usefixtures("fresh_torchaudio")
def test_torchaudio_works_without_its_extension(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", [_Blocked(), *sys.meta_path])
    module = importlib.import_module("emolive._compat.torchaudio").torchaudio
    assert module.transforms.Resample(48_000, 16_000)(torch.zeros(480)).shape == (160,)
    assert not sys.modules["torchaudio._extension"]._IS_TORCHAUDIO_EXT_AVAILABLE


@pytest.mark.usefixtures("fresh_torchaudio")
def test_missing_torchaudio_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    with pytest.raises(EmoliveError, match="torchaudio is not installed"):
        importlib.import_module("emolive._compat.torchaudio")
