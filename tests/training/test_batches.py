from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from emolive.network_inputs import assemble_inputs
from emolive.vision.encoders.landmarks import LandmarkEncoder
from tests.training.dataset_of_clips import CONFIG, SPEC, N
from training.augment.low_fps import LowFrameRate
from training.augment.pipeline import WindowPipeline, window_pipeline
from training.batches import BatchMaker
from training.loop_steps import seed_step
from training.normalizer_sampler import compute_global_stats, session_normalizers
from training.window_dataset import WindowDataset


def batch_maker(
    dataset: WindowDataset, augment: WindowPipeline, shares: tuple[float, float, float]
) -> BatchMaker:
    stats = compute_global_stats(dataset, SPEC, range(N))
    return BatchMaker(dataset, np.arange(N), SPEC, stats, augment=augment, mode_shares=shares)


def test_a_batch_without_augmentation_is_what_the_predictor_assembles(dataset: WindowDataset) -> None:
    batches = batch_maker(dataset, WindowPipeline(), (1.0, 0.0, 0.0))
    shifts = np.random.default_rng(0).integers(3, size=2)
    video, audio, target = batches.make(np.array([4, 11]), np.random.default_rng(0))
    stats = compute_global_stats(dataset, SPEC, range(N))
    normalizers = session_normalizers(dataset, [4, 11], "none", stats)
    for row, (clip, pair) in enumerate(zip((4, 11), normalizers, strict=True)):
        expected = assemble_inputs(dataset.window(clip, int(shifts[row])), *pair, SPEC)
        assert np.allclose(video[row].numpy(), expected[0], atol=1e-5)
        assert np.allclose(audio[row].numpy(), expected[1], atol=1e-5)
        assert [SPEC.labels[i] for i in target[row, :3].argmax(dim=-1)] == [dataset.items[clip].label] * 3


def test_a_slow_camera_is_slow_in_a_speakers_own_statistics_too(dataset: WindowDataset) -> None:
    batches = batch_maker(dataset, WindowPipeline([LowFrameRate(low_fps_prob=1.0)]), (0.0, 1.0, 0.0))
    torch.manual_seed(0)
    video, _, _ = batches.make(np.arange(N), np.random.default_rng(0))
    n = LandmarkEncoder.dim
    present = video.abs().amax(dim=2) > 0
    still = (video[..., n : 2 * n].abs().amax(dim=2) < 1e-4) | ~present
    # Half of the clips have one frame in a bin: no deviation, in the clip as in the speaker's statistics.
    assert 3 < int(still.all(dim=1).sum()) < 15


def test_batches_are_determined_by_seed_epoch_and_step(dataset: WindowDataset) -> None:
    batches = batch_maker(dataset, window_pipeline(CONFIG), (0.3, 0.3, 0.4))
    assert np.array_equal(batches.epoch_order(1, 2), batches.epoch_order(1, 2))
    assert not np.array_equal(batches.epoch_order(1, 2), batches.epoch_order(1, 3))
    epochs = [batches.make(np.arange(6), seed_step(1, 2, step)) for step in (3, 3, 4)]
    assert all(torch.equal(a, b) for a, b in zip(epochs[0], epochs[1], strict=True))
    assert not torch.equal(epochs[0][0], epochs[2][0])


def test_another_recording_condition_brings_its_own_windows_and_statistics(dataset: WindowDataset) -> None:
    session = dataset.session
    louder = replace(
        dataset,
        audio=np.asarray(dataset.audio[:, :1]) + 20,
        **{
            name: np.asarray(getattr(dataset, name)[:, :1])
            for name in ("video", "video_present", "audio_present", "speech")
        },
        session=replace(session, bins=replace(session.bins, audio=np.asarray(session.bins.audio) + 20)),
        shifts_s=(0.0,),
    )
    stats = compute_global_stats(dataset, SPEC, range(N))

    def mean_audio(share: float, mode_shares: tuple[float, float, float]) -> float:
        batches = BatchMaker(
            dataset,
            np.arange(N),
            SPEC,
            stats,
            augment=WindowPipeline(),
            mode_shares=mode_shares,
            conditions=[louder],
            condition_share=share,
        )
        _, audio, _ = batches.make(np.arange(N), np.random.default_rng(0))
        channels = SPEC.audio.channels
        present = audio.abs().amax(dim=1) > 0
        return float(audio[:, :channels].mean(dim=1)[present].mean())

    def difference(mode_shares: tuple[float, float, float]) -> float:
        return mean_audio(1.0, mode_shares) - mean_audio(0.0, mode_shares)

    # The level is seen without a speaker's statistics; their own, from the same recording, explain it.
    assert difference((1.0, 0.0, 0.0)) > 0.5
    assert difference((0.0, 0.0, 1.0)) < 0.6 * difference((1.0, 0.0, 0.0))
