"""Requirements for every registered augmentation."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from emolive.cli.config import field_docs, option_fields
from emolive.models.input_spec import AudioSpec
from emolive.models.spec import ModelSpec
from emolive.normalization import Normalizer
from emolive.plugins import AUGMENTATIONS
from training.augment.base import ImageAugmentation, Stage, WindowAugmentation, WindowBatch
from training.batch_normalizer import BatchNormalizer
from training.encoder_traits import mirror_of

SPEC = ModelSpec(
    encoders=("landmarks",),
    landmarker="dlib68",
    pooling="mean",
    audio=AudioSpec(kind="logmel", n_fft=1024, hop_length=441, n_mels=64, fmin_hz=50, fmax_hz=8000),
    baselines=("none", "neutral", "running"),
)
N = 12
NAMES = tuple(AUGMENTATIONS)
WINDOW = [name for name in NAMES if issubclass(AUGMENTATIONS.get(name), WindowAugmentation)]
IMAGE = [name for name in NAMES if issubclass(AUGMENTATIONS.get(name), ImageAugmentation)]


def batch() -> WindowBatch:
    """Windows in the stage before the network's inputs."""
    rng = np.random.default_rng(0)
    steps = SPEC.audio.n_frames(SPEC.n_samples)

    def normalizer(width: int) -> BatchNormalizer:
        one = Normalizer("running", rng.normal(size=width).astype(np.float32), np.ones(width, np.float32))
        return BatchNormalizer.stack([one] * N, SPEC)

    return WindowBatch(
        SPEC,
        rng,
        torch.from_numpy(rng.normal(size=(N, SPEC.n_bins, SPEC.video_dim)).astype(np.float32)),
        torch.ones(N, SPEC.n_bins, dtype=torch.bool),
        torch.from_numpy(rng.normal(-50, 20, (N, steps, SPEC.audio.channels)).astype(np.float32)),
        torch.ones(N, steps, dtype=torch.bool),
        torch.eye(8)[torch.arange(N) % 8][:, None].expand(-1, 3, -1),
        mirror_of(SPEC),
        video_normalizer=normalizer(SPEC.video_dim),
        audio_normalizer=normalizer(SPEC.audio.channels),
    )


def tensors(batch: WindowBatch) -> dict[str, torch.Tensor]:
    values = {f.name: getattr(batch, f.name) for f in fields(batch)}
    return {name: value.clone() for name, value in values.items() if isinstance(value, torch.Tensor)}


def strongest(cls: Any) -> Any:
    """The augmentation with every option at its maximum, or 1 where there is none."""
    options = {}
    for option in option_fields(cls):
        maximum = option.bounds.maximum if option.bounds is not None else None
        options[option.name] = option.type(1 if maximum is None else min(maximum, 4))
    return cls(**options)


def weakest(cls: Any) -> Any:
    return cls(**{option.name: option.type(0) for option in option_fields(cls)})


def test_both_kinds_are_registered() -> None:
    assert {"flip", "mixup", "spec_augment", "low_fps"} <= set(WINDOW)
    assert {"crop_affine", "color_jitter", "random_erasing"} <= set(IMAGE)
    assert set(WINDOW) | set(IMAGE) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_its_options_have_defaults_ranges_and_help(name: str) -> None:
    cls = AUGMENTATIONS.get(name)
    assert is_dataclass(cls)
    docs = field_docs(cls)
    for option in option_fields(cls):
        assert not option.required
        option.check(option.default)
        option.check(option.type(0))
        assert docs[option.name].endswith("."), option.name


@pytest.mark.parametrize("name", WINDOW)
def test_a_window_augmentation_keeps_shapes_types_and_its_argument(name: str) -> None:
    augmentation, argument = strongest(AUGMENTATIONS.get(name)), batch()
    assert augmentation.stage in Stage
    before = tensors(argument)
    torch.manual_seed(0)
    result = tensors(augmentation(argument))
    for key, value in tensors(argument).items():
        assert torch.equal(value, before[key]), f"it wrote into {key}"
        assert result[key].shape == value.shape
        assert result[key].dtype == value.dtype
        assert result[key].isfinite().all()
    assert torch.allclose(result["target"].sum(dim=-1), torch.ones(N, 3))
    changed = [key for key in before if not torch.equal(result[key], before[key])]
    assert changed, "at full strength it changes something"


@pytest.mark.parametrize("name", WINDOW)
def test_a_window_augmentation_is_off_at_zero_and_follows_from_the_seed(name: str) -> None:
    cls = AUGMENTATIONS.get(name)
    argument = batch()
    unchanged = tensors(weakest(cls)(argument))
    assert all(torch.equal(unchanged[key], value) for key, value in tensors(argument).items())
    results = []
    for _ in range(2):
        torch.manual_seed(3)
        results.append(tensors(strongest(cls)(batch())))
    assert all(torch.equal(results[0][key], results[1][key]) for key in results[0])


@pytest.mark.parametrize("name", WINDOW)
def test_a_window_augmentation_accepts_a_model_of_raw_features(name: str) -> None:
    raw = replace(batch(), mirror=None, video_normalizer=None, audio_normalizer=None)
    strongest(AUGMENTATIONS.get(name))(raw)


@pytest.mark.parametrize("name", IMAGE)
@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_augmentation_keeps_range_and_is_off_at_zero(name: str, channels: int) -> None:
    cls, size = AUGMENTATIONS.get(name), 24
    torch.manual_seed(0)
    images = torch.rand(N, channels, size, size)
    augmentation = cls()
    params = augmentation.draw(N)
    assert all(len(values) == N for values in params.values())
    changed = augmentation.apply(images.clone(), params, size)
    assert changed.shape == images.shape
    assert 0 <= float(changed.min()) <= float(changed.max()) <= 1
    assert augmentation.is_active
    assert not torch.equal(changed, images)
    off = weakest(cls)
    assert not off.is_active
    assert torch.allclose(off.apply(images.clone(), off.draw(N), size), images, atol=1e-5)
