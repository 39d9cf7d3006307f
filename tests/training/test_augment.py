"""Single augmentations; `tests/contracts/test_augmentations.py` has the requirements for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pytest
import torch

from emolive.cli.config import Range
from emolive.errors import ConfigError
from emolive.plugins import AUGMENTATIONS
from emolive.vision.encoders.landmarks import LandmarkEncoder
from tests.training.dataset_of_clips import SPEC, N
from training.augment.base import ImageAugmentation, Stage, WindowAugmentation, WindowBatch
from training.augment.crop_affine import CropAffine
from training.augment.landmark_affine import map_landmarks
from training.augment.low_fps import LowFrameRate, scale_std
from training.augment.pipeline import ImagePipeline, image_pipeline, select_rows, with_augmentations
from training.augment.random_erasing import RandomErasing
from training.augment.session_gain import SessionGain
from training.augment.spans import random_spans
from training.batch_normalizer import BatchNormalizer
from training.config import TrainConfig, run_class
from training.normalizer_sampler import NormalizerSampler, compute_global_stats
from training.window_dataset import WindowDataset


def test_a_map_of_the_plane_moves_a_face_and_its_own_mean_alike(dataset: WindowDataset) -> None:
    stats = compute_global_stats(dataset, SPEC, range(N))
    sampler = NormalizerSampler(dataset, list(range(N)), stats, SPEC)
    normalizers = [sampler.sample(3, mode, np.random.default_rng(0))[0] for mode in ("none", "neutral")]
    video = BatchNormalizer.stack(normalizers, SPEC)
    maps = torch.tensor([[[1.0, 0.1], [0.0, 0.9]]]).expand(2, -1, -1)
    mapped = video.map_own_shift(lambda shift: map_landmarks(shift, maps))
    assert torch.equal(mapped.shift[0], video.shift[0])
    n = LandmarkEncoder.dim
    points = video.shift[1, 0, :n].reshape(-1, 2)
    expected = torch.stack([points[:, 0] + 0.1 * points[:, 1], 0.9 * points[:, 1]], dim=1)
    assert torch.allclose(mapped.shift[1, 0, :n].reshape(-1, 2), expected, atol=1e-6)
    assert torch.equal(mapped.shift[..., n:], video.shift[..., n:])
    assert torch.equal(mapped.scale, video.scale)
    # A speaker who never moves stays at rest for any landmarks.
    at_rest = mapped.apply(map_landmarks(video.shift, maps))
    assert at_rest[1].abs().max() < 1e-5
    assert at_rest[0].abs().max() > 0.1


def test_a_slow_camera_shrinks_the_deviations_within_a_bin_and_nothing_else(dataset: WindowDataset) -> None:
    torch.manual_seed(0)
    factor = LowFrameRate(low_fps_prob=0.5).std_factor(4000)
    assert factor.shape == (4000, 1, 1)
    assert abs(float((factor == 1).float().mean()) - 0.5) < 0.05
    assert abs(float((factor == 0).float().mean()) - 0.25) < 0.05
    video = torch.from_numpy(np.array(dataset.video[:4, 1]))
    slow = scale_std(video, torch.tensor([1.0, 0.5, 0.0, 0.0])[:, None, None])
    n = LandmarkEncoder.dim
    assert torch.equal(slow[..., :n], video[..., :n])
    assert torch.equal(slow[0], video[0])
    assert torch.equal(slow[1, :, n:], video[1, :, n:] / 2)
    assert not slow[2:, :, n:].any()


def test_spans_stay_inside_and_are_not_too_long() -> None:
    spans = random_spans(500, 10, 3)
    lengths = spans.sum(dim=1)
    assert int(lengths.max()) == 3
    assert int(lengths.min()) == 0
    assert all(int(row.int().diff().abs().sum()) <= 2 for row in spans)


def test_image_augmentations_keep_shape_and_range() -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 255, (16, 24, 24), dtype=torch.uint8)
    pipeline = image_pipeline(RandomErasing(occlusion=1))
    x = pipeline(images, 40, pipeline.draw(16))
    assert x.shape == (16, 3, 40, 40)
    assert float(x.min()) >= 0
    assert float(x.max()) <= 1
    same = pipeline(images, 24)
    assert torch.equal((same[:, 0] * 255).round().to(torch.uint8), images)
    mirror = ImagePipeline([CropAffine(flip=1, rotation=0, scale=0, shift=0)])
    assert torch.allclose(mirror(images, 24, mirror.draw(16)), same.flip(-1), atol=1e-5)


def test_no_active_image_augmentation_draws_nothing() -> None:
    state = torch.get_rng_state()
    assert ImagePipeline([RandomErasing(occlusion=0)]).draw(4) is None
    assert torch.equal(torch.get_rng_state(), state)


def test_all_frames_of_a_window_are_changed_alike() -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 255, (2, 24, 24, 3), dtype=torch.uint8).repeat_interleave(3, dim=0)
    pipeline = image_pipeline(RandomErasing(occlusion=1))
    params = select_rows(pipeline.draw(2), torch.tensor([0, 0, 0, 1, 1, 1]))
    x = pipeline(images, 24, params).view(2, 3, 3, 24, 24)
    assert torch.equal(x[:, 0], x[:, 2])
    assert not torch.allclose(x[0, 0], pipeline(images, 24)[0], atol=0.05)


def test_the_options_of_all_augmentations_are_options_of_a_run() -> None:
    options = vars(run_class()())
    assert options["low_fps_prob"] == 0.15
    assert options["occlusion"] == 0.2
    assert options["flip"] == 0.5


def test_two_options_of_one_name_are_rejected() -> None:
    @dataclass(frozen=True)
    class Other(WindowAugmentation):
        gain_db: Annotated[float, Range(0, 1)] = 0.5
        """Another gain."""

        stage = Stage.FEATURES

        def __call__(self, batch: WindowBatch) -> WindowBatch:
            return batch

    AUGMENTATIONS.register("other")(Other)
    try:
        with pytest.raises(ConfigError, match="--gain-db of Other exists already"):
            with_augmentations(TrainConfig, WindowAugmentation, ImageAugmentation)
    finally:
        AUGMENTATIONS.unregister("other")


def test_a_session_gain_is_the_speakers_own_level_and_vanishes_after_calibration(
    dataset: WindowDataset,
) -> None:
    stats = compute_global_stats(dataset, SPEC, range(N))
    sampler = NormalizerSampler(dataset, list(range(N)), stats, SPEC)
    audio = torch.from_numpy(np.asarray(dataset.audio[:2, 1], np.float32))
    batch = WindowBatch(
        SPEC,
        np.random.default_rng(0),
        torch.zeros(2, SPEC.n_bins, SPEC.video_dim),
        torch.ones(2, SPEC.n_bins, dtype=torch.bool),
        audio,
        torch.ones(audio.shape[:2], dtype=torch.bool),
        torch.zeros(2, 3, 3),
    )
    torch.manual_seed(0)
    louder = SessionGain(session_gain_db=12)(batch)
    gains = louder.audio_offset
    assert (np.abs(gains) > 1).all()
    assert torch.equal(batch.audio, audio)
    floor = SPEC.audio.floor_db
    expected = (audio + torch.from_numpy(gains).float()[:, None, None]).clamp_min(floor)
    assert torch.allclose(louder.audio, expected)
    # Relative to the speaker's neutral voice, what lies above the floor is as before.
    for row, gain in enumerate(gains):
        plain, shifted = (
            sampler.sample(0, "neutral", np.random.default_rng(1), audio_offset=offset)[1]
            for offset in (0.0, float(gain))
        )
        assert np.allclose(shifted.shift, plain.shift + gain, atol=1e-3)
        assert np.allclose(shifted.scale, plain.scale)
        loud = audio[row] + gain > floor
        before = (audio[row] - torch.from_numpy(plain.shift)) / torch.from_numpy(plain.scale)
        after = (louder.audio[row] - torch.from_numpy(shifted.shift)) / torch.from_numpy(shifted.scale)
        assert torch.allclose(before[loud], after[loud], atol=1e-2)
    assert not len(SessionGain(session_gain_db=0)(batch).audio_offset.nonzero()[0])
