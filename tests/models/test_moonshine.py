"""The speech encoder against its original, and what level, offset and holes do to its features."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emolive.audio.encoders.moonshine import STEP, Moonshine
from emolive.audio.online_features import OnlineFeatureExtractor
from emolive.clock import to_ns
from emolive.models import factory
from emolive.models.branches import FeatureBranch, SpectrogramBranch
from emolive.models.input_spec import AudioSpec
from emolive.models.moonshine import MoonshineEncoder
from emolive.models.runtimes.onnxruntime import cached_session
from emolive.models.spec import ModelSpec
from emolive.paths import data_dir, read_asset
from emolive.plugins import VOICE_ENCODERS
from emolive.time_series import Waveform
from tests.helpers.sounds import spoken

SPEC = Moonshine.default_spec
N = 57_600


def network(n_layers: int) -> MoonshineEncoder:
    return MoonshineEncoder.from_npz(read_asset("audio", "moonshine_tiny_en_l4.npz"), n_layers)


def read(sound: np.ndarray, seconds: float = 3.84):
    return OnlineFeatureExtractor(SPEC).read(Waveform(sound, 16_000), to_ns(seconds), N)


@pytest.mark.data
def test_stem_and_layers_are_those_of_the_original():
    path = data_dir().parent / "assets" / "moonshine" / "golden.npz"
    if not path.is_file():
        pytest.skip(f"{path} is not on this computer")
    with np.load(path) as golden, torch.inference_mode():
        stages = network(4).stages(torch.from_numpy(golden["sound_16k"].astype(np.float32))[None])
        expected = [golden[name] for name in ("stem", "layer1", "layer2", "layer3", "layer4")]
    for found, original in zip(stages, expected, strict=True):
        # The shipped weights are in half precision; the values reach 211.
        assert np.abs(found[0].numpy() - original).max() < 0.05


def test_onnx_runtime_gives_the_numbers_of_torch_at_any_length():
    net = network(3)
    axes = {"samples": {1: "n"}, "frames": {1: "n_frames"}}
    session = cached_session(net, (torch.zeros(1, 58_111),), ("samples",), "frames", dynamic_axes=axes)
    for seconds in (1, 3):
        sound = spoken(16_000, seconds)[None]
        with torch.inference_mode():
            expected = net(torch.from_numpy(sound)).numpy()
        (found,) = session.run(["frames"], {"samples": sound})
        assert found == pytest.approx(expected, abs=2e-3)


def test_a_window_is_15_steps():
    features = read(spoken(16_000, 4))
    assert features.frames.shape == (15, 864)
    assert features.present.all()
    assert features.speech.mean() > 0.5


@pytest.mark.parametrize("change", [lambda x: x / 10, lambda x: x / 3 + np.float32(0.3), lambda x: x * 1.5])
def test_level_and_offset_are_taken_out(change):
    sound = spoken(16_000, 5) / 2
    expected, found = read(sound, 4.8).frames, read(change(sound).astype(np.float32), 4.8).frames
    assert np.corrcoef(expected.ravel(), found.ravel())[0, 1] > 0.995


def test_a_step_depends_on_the_second_before_it_alone():
    sound = spoken(16_000, 6)
    other = sound.copy()
    other[: 3 * 16_000] = 0.1
    expected, found = read(sound, 5.76).frames, read(other, 5.76).frames
    n_changed = int(np.flatnonzero((expected != found).any(axis=1)).max()) + 1
    # 3.6 s before 5.76 s is 2.16 s: 3 s are .84 s, or 3.5 steps, into the window; .99 s follow.
    assert 4 <= n_changed <= 8


def test_what_was_not_recorded_is_absent_and_not_encoded():
    sound = spoken(16_000, 4)
    features = read(sound, 1.92)
    assert features.present.tolist() == [False] * 7 + [True] * 8
    assert not features.frames[:7].any()
    # The first steps are encoded without zeros in front of them.
    context = SPEC.encoder.left_context
    longer = np.concatenate([np.zeros(context, np.float32), sound[: 8 * STEP]])
    np.testing.assert_allclose(SPEC.encoder(longer).T, features.frames[7:], atol=1e-4)


def test_the_network_of_a_model_follows_from_its_voice_encoder():
    for name, branch in (
        ("logmel", SpectrogramBranch),
        ("moonshine", FeatureBranch),
        ("mfcc", FeatureBranch),
    ):
        audio: AudioSpec = VOICE_ENCODERS.get(name).default_spec
        spec = ModelSpec(encoders=("landmarks",), landmarker="dlib68", audio=audio, arch="emolive")
        net = factory.build(spec).eval()
        assert isinstance(net.audio_branch, branch)
        frames = audio.n_frames(spec.n_samples)
        inputs = torch.randn(2, 15, spec.video_channels), torch.randn(2, spec.audio_channels, frames)
        assert net(*inputs).shape == (2, 8)
